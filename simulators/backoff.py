"""How long to wait before the next try: exponential, with jitter."""

from __future__ import annotations

import random

FIRST_S = 1.0
# A device that comes back within a quarter of a minute of its broker is still pleasant to watch, and a thousand of them
# knocking at a dead broker are no more than about 90 tries a second.
LONGEST_S = 15.0


class Backoff:
    """Delays of 1, 2, 4 … up to `longest` seconds, each shortened at random by up to half.

    The random part keeps devices that lost the same broker at the same moment from coming back at the same moment.
    """

    def __init__(self, first: float = FIRST_S, longest: float = LONGEST_S, rng: random.Random | None = None) -> None:
        self._first = first
        self._longest = longest
        self._rng = rng or random.Random()  # noqa: S311
        self._tries = 0

    def next(self) -> float:
        """Return the seconds to wait now, and remember that one more try has failed."""
        delay = min(self._longest, self._first * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return delay * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Start again from the shortest delay, after something has worked."""
        self._tries = 0
