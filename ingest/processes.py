"""Which process this is, and whether another one on the same machine is gone for certain.

A process that was killed cannot say so, and one that merely stopped cannot be told from it over a network. On the same
machine the kernel knows. Where it cannot be asked (not Linux, another container), nothing is claimed.
"""

from __future__ import annotations

import os
import secrets
import socket
from dataclasses import dataclass, field
from pathlib import Path

GONE = ("Z", "X")  # has ended, and only waits for its parent to notice
STATE, START_TIME = 0, 19  # places of the fields in /proc/<pid>/stat, counted from behind the name


@dataclass(frozen=True, slots=True)
class ThisProcess:
    """Who we are, in words for people and in marks for other processes."""

    name: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    host: str = field(default_factory=socket.gethostname)
    pid: int = field(default_factory=os.getpid)
    machine: str = field(default_factory=lambda: machine())
    born: int = field(default_factory=lambda: born(os.getpid()) or 0)


def machine() -> str:
    """Return a mark that is equal for processes that see each other: one start of one kernel, and one user."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{os.stat('/proc/self/ns/pid').st_ino}/{os.getuid()}"
    except OSError:
        return ""


def born(pid: int) -> int | None:
    """Return when a process was started, in ticks since the kernel was; None when there is none (any more)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[STATE] in GONE else int(fields[START_TIME])


def is_gone(pid: int, was_born: int) -> bool:
    """Tell whether a process of this machine has ended, also when its id belongs to another one now."""
    return born(pid) != was_born
