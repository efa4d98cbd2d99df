"""The running stack's file: who runs it, and the settings that lead to its services.

    DATA_DIR/stack.lock   held while a stack runs on this folder; its content is the process id of `manage.py up`
    DATA_DIR/stack.env    NAME=value while it runs; `dataflow.lib.env` reads it after the environment and `.env`
    DATA_DIR/stack.last   what stack.env held when the stack was stopped in order: its ports are taken again

Every child inherits the lock's descriptor, so the lock outlives a killed `manage.py up` for as long as one of its
services does: two servers never write one folder.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from dataflow.embedded.private import write_private
from dataflow.lib.env import STACK_FILE, read_env_file

LAST_FILE = "stack.last"
LOCK_FILE = "stack.lock"
LEFTOVER_SECONDS = 60.0  # how long what a killed stack left behind may take to end
POLL_SECONDS = 0.1


class StackRuns(Exception):
    """Another stack runs on this folder; the message names its process."""


class Stack:
    """A folder's lock and file. Not thread-safe."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self._lock: int | None = None

    @property
    def lock(self) -> int:
        """Return the lock's descriptor, for children to inherit."""
        if self._lock is None:
            raise RuntimeError("the stack is not locked")
        return self._lock

    def acquire(self, say: Callable[[str], None]) -> None:
        """Take the lock. Waits for what a killed stack left behind; raises StackRuns when another one is alive."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait_for(descriptor, say)
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def release(self) -> None:
        """Give the lock back; it is free once no child holds it either."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def last(self) -> Mapping[str, str]:
        """Return the settings of the last run, whichever way it ended."""
        return read_env_file(self.data_dir / LAST_FILE) | read_env_file(self.data_dir / STACK_FILE)

    def publish(self, settings: Mapping[str, str]) -> None:
        """Write the settings for other terminals to find."""
        lines = [f"{name}='{value}'" for name, value in settings.items()]
        write_private(self.data_dir / STACK_FILE, "\n".join(["# Written by `manage.py up` while it runs.", *lines, ""]))

    def retire(self) -> None:
        """Take the settings back, so that no other terminal looks for services that have gone."""
        with suppress(FileNotFoundError):
            (self.data_dir / STACK_FILE).replace(self.data_dir / LAST_FILE)

    def _wait_for(self, descriptor: int, say: Callable[[str], None]) -> None:
        deadline, told = time.monotonic() + LEFTOVER_SECONDS, False
        while not _locked(descriptor):
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
            if owner.isdigit() and _alive(int(owner)):
                raise StackRuns(f"A stack is already running on {self.data_dir} (process {owner}). Stop it first.")
            if time.monotonic() > deadline:
                raise StackRuns(f"Processes of an earlier stack still use {self.data_dir}. End them and try again.")
            if not told:
                say("An earlier run was killed; waiting until its services have ended.")
                told = True
            time.sleep(POLL_SECONDS)


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
