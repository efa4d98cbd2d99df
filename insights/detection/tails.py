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

PEAKS = 8  # k: few enough for the tail alone, enough to estimate its slope
PRIOR = 0.5  # β before anything is known: tails of telemetry are heavy
WEIGHT = 4.0  # peaks that the prior counts as
CLUSTER = 24.0  # sizes that belong together: two hours at one reading in five minutes, half a minute at 1 Hz
PATIENCE = 4.0 * PEAKS * CLUSTER  # sizes: a statistic that had no peaks in so many is one that is always 0
LN10 = log(10.0)


class Tail:
    """The largest sizes of one statistic so far, and how many there were."""

    __slots__ = ("closes", "count", "current", "floor", "peaks", "slope")

    def __init__(self) -> None:
        self.count = 0.0  # sizes seen
        self.peaks: list[float] = []  # ln of the largest ones, ascending, one a cluster
        self.floor = 0.0  # the smallest size that is among them; 0 until there are enough
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
        at = log(size)
        if not self.closes:
            self.closes, self.current = self.count + CLUSTER, at
        elif at > self.current:
            self.current = at
        known = len(self.peaks)
        if self.floor:
            return (log(max(1.0, self.count / CLUSTER / known)) + (at - self.peaks[0]) / self.slope) / LN10
        return log(self.count / CLUSTER / (known + 1.0)) / LN10 if self.count > PATIENCE else 0.0

    def fade(self) -> None:
        """Forget half: every other peak, the largest first, and half of the count."""
        if len(self.peaks) == PEAKS:
            del self.peaks[1::2]
        self.closes -= self.count / 2.0 if self.closes else 0.0
        self.count /= 2.0

    def _close(self) -> None:
        peaks = self.peaks
        insort(peaks, self.current)
        self.closes = 0.0
        if len(peaks) > PEAKS:
            del peaks[0]
        known = len(peaks)
        if self.floor or known == PEAKS:
            self.floor = exp(peaks[0])
        self.slope = (sum(peaks) - known * peaks[0] + PRIOR * WEIGHT) / (known + WEIGHT)

    def numbers(self) -> list[float]:
        """Return all of it as numbers, always equally many."""
        padded = self.peaks + [0.0] * (PEAKS - len(self.peaks))
        return [self.count, self.floor, self.slope, self.current, self.closes, float(len(self.peaks)), *padded]

    def restore(self, numbers: Iterator[float]) -> None:
        """Take back what `numbers` returned."""
        self.count, self.floor, self.slope, self.current, self.closes, known = (next(numbers) for _ in range(6))
        self.peaks = [next(numbers) for _ in range(PEAKS)][: int(known)]
