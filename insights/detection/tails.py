"""How rare a size is among all those seen before it, in the same measure for every series.

A statistic of one series may be bounded, normal or heavy-tailed, so its size says little; the chance of such a size
says the same everywhere. The largest past sizes are kept, and the chance of a larger one is read off a Pareto tail
fitted to them: P(X > x) = k/n · (x/u)^(-1/β), where u is the smallest of the k largest among n, and β, the mean of
ln(x_i/u), is Hill's estimator (B. M. Hill, "A simple general approach to inference about the tail of a distribution",
Annals of Statistics 3, 1975). Odd readings come in clusters, so only the highest of each cluster is kept, as in peaks
over threshold, and n counts clusters as well.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator
from math import exp, log

PEAKS = 12  # k: few enough for the tail alone, enough to estimate its slope
PRIOR = 0.2  # β before anything is known
WEIGHT = 4.0  # peaks that the prior counts as
TINY = 1e-12  # below any size that matters, so that the logarithm exists
LN10 = log(10.0)
CLUSTER = 96.0  # sizes that belong to one event at most


class Tail:
    """The largest sizes of one statistic so far, and how many there were."""

    __slots__ = ("closes", "count", "current", "floor", "peaks", "slope")

    def __init__(self) -> None:
        self.count = 0.0  # sizes seen
        self.peaks: list[float] = []  # ln of the largest ones, ascending, one a cluster
        self.floor = 0.0  # the smallest size that is among them
        self.slope = PRIOR  # β
        self.current = 0.0  # ln of the largest of the open cluster
        self.closes = 0.0  # the count at which that is closed; 0 when none is open

    def surprise(self, size: float) -> float:
        """Return -log10 of the chance that a cluster brings such a size, 0 when it is not rare; then count it."""
        self.count += 1.0
        if self.closes and self.count >= self.closes:
            self._close()
        if size <= self.floor:
            return 0.0
        at = log(max(size, TINY))
        if not self.closes:
            self.closes, self.current = self.count + CLUSTER, at
        elif at > self.current:
            self.current = at
        if len(self.peaks) < PEAKS:
            return 0.0
        rarity = log(max(1.0, self.count / CLUSTER / PEAKS)) + (at - self.peaks[0]) / self.slope
        return rarity / LN10

    def _close(self) -> None:
        peaks = self.peaks
        insort(peaks, self.current)
        self.closes = 0.0
        if len(peaks) > PEAKS:
            del peaks[0]
        if len(peaks) == PEAKS:
            self.floor = exp(peaks[0])
            self.slope = (sum(peaks) - PEAKS * peaks[0] + PRIOR * WEIGHT) / (PEAKS + WEIGHT)

    def numbers(self) -> list[float]:
        """Return all of it as numbers, always equally many."""
        padded = self.peaks + [0.0] * (PEAKS - len(self.peaks))
        return [self.count, self.floor, self.slope, self.current, self.closes, float(len(self.peaks)), *padded]

    def restore(self, numbers: Iterator[float]) -> None:
        """Take back what `numbers` returned."""
        self.count, self.floor, self.slope, self.current, self.closes, known = (next(numbers) for _ in range(6))
        self.peaks = [next(numbers) for _ in range(PEAKS)][: int(known)]
