"""What is unmistakable already while a series is still learned."""

from __future__ import annotations

from collections.abc import Iterator
from math import copysign, inf

TURNS = 15.0  # changes of direction: before so many nothing is unmistakable, and in what only rises or falls nothing is
TIMES = 5.0  # a step so many times larger than any before it is none of its kind


class Early:
    """The range of the values so far and the largest step between two of them, without what was odd already."""

    __slots__ = ("high", "is_after_leap", "leap", "low", "turns", "way")

    def __init__(self) -> None:
        self.low, self.high = inf, -inf
        self.leap = 0.0  # the largest step so far
        self.turns = 0.0  # changes of direction
        self.way = 0.0  # the last step that was not 0: -1 down, 1 up
        self.is_after_leap = 0.0  # 1 when the value before this one was odd: the way back is no step of the series

    def step(self, value: float, change: float) -> float:
        """Count a reading and return how many times as far it leaps out of the range as would be odd; 1 is odd.

        `change` is the step from the value before.
        """
        size = abs(change)
        is_outside = self.turns >= TURNS and not self.low <= value <= self.high
        if is_outside and not self.is_after_leap and size >= TIMES * self.leap:
            self.is_after_leap = 1.0
            return size / (TIMES * self.leap)
        if not self.is_after_leap:
            self.leap = max(self.leap, size)
        self.is_after_leap = 0.0
        if change:
            way = copysign(1.0, change)
            self.turns += way == -self.way
            self.way = way
        self.low, self.high = min(self.low, value), max(self.high, value)
        return 0.0

    def is_within(self, value: float) -> bool:
        """Tell whether a value lies inside the range and not at an end of it, as that of a vehicle at rest does."""
        return self.turns >= TURNS and self.low < value < self.high

    def numbers(self) -> list[float]:
        """Return all of it as numbers."""
        return [self.low, self.high, self.leap, self.turns, self.way, self.is_after_leap]

    def restore(self, numbers: Iterator[float]) -> None:
        """Take back what `numbers` returned."""
        self.low, self.high, self.leap = next(numbers), next(numbers), next(numbers)
        self.turns, self.way, self.is_after_leap = next(numbers), next(numbers), next(numbers)
