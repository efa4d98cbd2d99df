"""What a program is to whoever runs it, and the errors of starting one."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

LEASH = str(Path(__file__).with_name("leash.py"))


class ServiceError(Exception):
    """A service cannot be prepared or started; the message says which and what to do."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The system account a program runs as when root starts it.

    `search` keeps the right to pass through folders the account may not enter, such as a clone under `/root`.
    """

    name: str
    uid: int
    gid: int
    search: bool = False


@dataclass(frozen=True, kw_only=True)
class SignOfLife:
    """A file that a program touches while it works; left alone for `patience_s`, it shows that the program hangs.

    Unless `has_work` says that there is nothing to do. It may block for a second.
    """

    file: Path
    patience_s: float
    has_work: Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command line and how to end it. `env` is added to the environment of whoever starts it."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    account: Account | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0  # how long a stop may take before the whole group is killed
    orphan_signal: signal.Signals = signal.SIGKILL  # what it gets when its parent dies
    sign_of_life: SignOfLife | None = None  # without it, it is killed and started again

    def command(self) -> list[str]:
        """Return the command line on its leash; the caller becomes the parent whose death ends the program."""
        options = ["--parent", str(os.getpid()), "--signal", str(int(self.orphan_signal))]
        if self.account:
            options += ["--user", self.account.name]
            if self.account.search:
                options += ["--search", "yes"]
        return [sys.executable, "-I", "-S", LEASH, *options, "--", *self.argv]


class Service(Protocol):
    """A service that can be started here. Every method may block for seconds; none may be called twice at once."""

    name: str
    # Seconds that it may run without answering before it is killed and started again. Infinite for a database: one
    # that is slow must not be made to recover as well.
    patience: float

    def prepare(self) -> None:
        """Create what the service needs on disk; raise ServiceError when that is impossible."""

    def program(self) -> Program:
        """Return the program to run, in the foreground."""

    def check(self) -> None:
        """Raise Unreachable unless the service answers."""

    def finish(self) -> None:
        """Create what can only be created once the service answers. Harmless when repeated."""
