"""Say now and then how far something is."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY_S = 2.0
MB = 1024 * 1024

Say = Callable[[str], None]


class Progress:
    """Count bytes and say the sum every EVERY_S seconds."""

    def __init__(self, say: Say, doing: str) -> None:
        self._say, self._doing = say, doing
        self._bytes = 0
        self._next = time.monotonic() + EVERY_S

    def add(self, count: int) -> None:
        """Count some bytes more."""
        self._bytes += count
        now = time.monotonic()
        if now >= self._next:
            self._next = now + EVERY_S
            self._say(f"{self._doing}: {self._bytes / MB:,.0f} MB")
