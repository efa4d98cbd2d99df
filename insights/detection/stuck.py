"""The same value again and again, where it used to change."""

from __future__ import annotations

from collections.abc import Iterator

LEAST = 20.0  # readings: fewer equal ones in a row are found anywhere
LEAST_RUNS = 8.0  # before so many have ended nobody knows how long they are
REST = 10.0  # readings: a value that has lasted as long is a state, not a chance
TIMES = 4.0  # a run so many times longer than any before it is stuck


class Runs:
    """How long the value has stayed the same, against how long it ever did.

    The value with the longest run is taken for the state of rest (parked at 0 km/h), which may last for as long as it
    likes, and does not excuse a speed that is stuck at 50.
    """

    __slots__ = ("elsewhere", "ended", "length", "rest", "resting", "value")

    def __init__(self) -> None:
        self.value = 0.0
        self.ended = 0.0  # runs
        self.length = 0.0  # readings of the run that lasts
        self.rest = 0.0  # the value of the longest run
        self.resting = 0.0  # readings of that run
        self.elsewhere = 0.0  # readings of the longest run of any other value

    def step(self, value: float) -> float:
        """Count a reading and return how many times longer its run is than what would be odd; 1 is odd.

        0 while it has not changed often enough to tell.
        """
        if value != self.value or not self.length:
            self._end()
            self.value, self.length = value, 1.0
            return 0.0
        self.length += 1.0
        resting = value == self.rest and self.resting >= REST
        if self.length < LEAST or resting or self.ended < LEAST_RUNS:
            return 0.0
        return self.length / max(LEAST, TIMES * self.elsewhere)

    def _end(self) -> None:
        self.ended += 1.0
        if self.value == self.rest:
            self.resting = max(self.resting, self.length)
        elif self.length > self.resting:
            self.rest, self.resting, self.elsewhere = self.value, self.length, max(self.elsewhere, self.resting)
        else:
            self.elsewhere = max(self.elsewhere, self.length)

    def fade(self) -> None:
        """Forget half."""
        self.resting /= 2.0
        self.elsewhere /= 2.0

    def numbers(self) -> list[float]:
        """Return all of it as numbers."""
        return [self.value, self.ended, self.length, self.rest, self.resting, self.elsewhere]

    def restore(self, numbers: Iterator[float]) -> None:
        """Take back what `numbers` returned."""
        self.value, self.ended, self.length = next(numbers), next(numbers), next(numbers)
        self.rest, self.resting, self.elsewhere = next(numbers), next(numbers), next(numbers)
