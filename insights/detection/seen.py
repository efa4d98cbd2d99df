"""The values that a series has had: a small histogram whose bins follow the data.

Numbers are kept one by one until there are too many; then the two closest become one of both weights, at their mean
(the streaming histogram of Y. Ben-Haim and E. Tom-Tov, "A streaming parallel decision tree algorithm", Journal of
Machine Learning Research 11, 2010). Lone values far out keep their places, and the crowd in the middle shares what is
left, so the distance of a new number from the nearest earlier ones stays right exactly where it matters.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from itertools import pairwise
from math import inf

HEAD = struct.Struct("<dHH")
SAME = 1e-6  # of a value: closer numbers are the same, whatever the rounding
FADED = 0.3  # weight: what was seen once is gone after two halvings


class Seen:
    """A sorted list of numbers with weights, of at most `limit` places.

    A number counts as seen only after `delay` others: what drifts away step by step would otherwise always find itself
    near by, and an event that lasts would be familiar after its second reading.
    """

    __slots__ = ("delay", "grain", "limit", "values", "waiting", "weights")

    def __init__(self, limit: int, delay: int = 0) -> None:
        self.limit, self.delay = limit, delay
        self.waiting = array("d")  # the newest numbers, oldest first
        self.values = array("d")
        self.weights = array("f")
        self.grain = 0.0  # numbers as close as this to an earlier one are the same

    def distance(self, value: float, mass: float) -> float:
        """Return how far the nearest earlier numbers of a weight of `mass` are; 0 while there are not so many."""
        values, weights = self.values, self.weights
        above = bisect_left(values, value)
        below, count, far = above - 1, len(values), 0.0
        while mass > 0.0:
            down = value - values[below] if below >= 0 else inf
            up = values[above] - value if above < count else inf
            if down < up:
                far = down
                mass -= weights[below]
                below -= 1
            elif up < inf:
                far = up
                mass -= weights[above]
                above += 1
            else:
                return 0.0
        return far

    def add(self, value: float) -> None:
        """Count a number, when its time has come."""
        if self.delay:
            self.waiting.append(value)
            if len(self.waiting) <= self.delay:
                return
            value = self.waiting.pop(0)
        values = self.values
        at = bisect_left(values, value)
        if at < len(values) and values[at] - value <= self.grain:
            self.weights[at] += 1.0
        elif at and value - values[at - 1] <= self.grain:
            self.weights[at - 1] += 1.0
        else:
            values.insert(at, value)
            self.weights.insert(at, 1.0)
            if len(values) > self.limit:
                self._merge()

    def _merge(self) -> None:
        values, weights = self.values, self.weights
        gaps = [high - low for low, high in pairwise(values)]
        self.grain = min(gaps)
        at = gaps.index(self.grain)
        weight = weights[at] + weights[at + 1]
        values[at] += self.grain * (weights[at + 1] / weight)
        weights[at] = weight
        del values[at + 1], weights[at + 1]

    def fade(self) -> None:
        """Halve what is known, and let go of what was hardly ever seen."""
        kept = [(value, weight / 2.0) for value, weight in zip(self.values, self.weights, strict=True)]
        kept = [(value, weight) for value, weight in kept if weight >= FADED]
        self.values = array("d", [value for value, _ in kept])
        self.weights = array("f", [weight for _, weight in kept])

    def dumps(self) -> bytes:
        """Return all of it, always equally long."""
        empty = (8 + 4) * (self.limit - len(self.values)) + 8 * (self.delay - len(self.waiting))
        parts = (
            HEAD.pack(self.grain, len(self.values), len(self.waiting)), self.values.tobytes(), self.weights.tobytes(),
            self.waiting.tobytes(), bytes(empty),
        )  # fmt: skip
        return b"".join(parts)

    def restore(self, state: bytes) -> None:
        """Take back what `dumps` returned; raise ValueError when it cannot be that."""
        self.grain, known, waiting = HEAD.unpack_from(state)
        if known > self.limit or waiting > self.delay:
            raise ValueError("more numbers than there are places")
        numbers = state[HEAD.size :]
        self.values = array("d", numbers[: 8 * known])
        self.weights = array("f", numbers[8 * known : 12 * known])
        self.waiting = array("d", numbers[12 * known : 12 * known + 8 * waiting])

    def between(self, share: float) -> tuple[float, float] | None:
        """Return the band in which all but `share` of the weight lies, as much above as below; None before any."""
        if not self.values:
            return None
        values, weights = self.values, self.weights
        cut = sum(weights) * share / 2.0
        low = _reached(range(len(values)), weights, cut)
        high = _reached(range(len(values) - 1, -1, -1), weights, cut)
        return values[low], values[high]


def _reached(places: range, weights: array[float], mass: float) -> int:
    for place in places:
        mass -= weights[place]
        if mass < 0.0:
            return place
    return places[-1]
