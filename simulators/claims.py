"""Claim device names, so that no two processes run the same device on the same outbox."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType


class AlreadyClaimed(Exception):
    """Another process runs the device named by the message."""


class Claims:
    """Claims on names in one folder, held until `release` or the end of the process, however it ends.

    Each name locks a byte of its own in one file, far beyond the file's end: a thousand devices need one open
    file for it instead of a thousand. The locks of one process do not exclude each other.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        """Claim all names or raise AlreadyClaimed. Raises OSError when the folder is not writable."""
        self._file = os.open(folder / ".claims", os.O_RDWR | os.O_CREAT, 0o600)
        for name in names:
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte_of(name))
            except BlockingIOError as error:
                self.release()
                raise AlreadyClaimed(f"{name} is already simulated by another process (outbox in {folder})") from error

    def release(self) -> None:
        """Give all names back."""
        os.close(self._file)

    def __enter__(self) -> Claims:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()


def byte_of(name: str) -> int:
    """Return the byte that stands for a name; 62 bits of a hash, so that no two names meet."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest()) >> 2
