"""What the averages of consecutive buckets do over a window: stay, rise, fall, or differ for a part of it. Pure.

One stretch of buckets is compared with all others, for every stretch; the one that explains most of the variance
between buckets is the candidate (the least-squares segmentation into at most three pieces with two levels), and a
straight line competes with it. Nothing is said unless it explains MOST_OF of the variance: of 24 averages of mere noise
the best stretch explains some 40 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_OF = 0.65  # share of the variance between buckets that a shape must explain
FEWEST_BUCKETS = 8  # with readings; fewer have a shape by chance
SHORTEST = 2  # buckets of a stretch, so that one spike is no shape
# A bucket with fewer readings than this share of the usual one says little about its level.
THIN = 0.5
# When the number of readings inside and outside of a stretch differs by more, other devices may have been heard.
STEADY = 0.2


@dataclass(frozen=True, slots=True)
class Stretch:
    """The buckets from `first` to before `last` have another level than the others."""

    first: int
    last: int
    share: float  # of the variance that it explains


@dataclass(frozen=True, slots=True)
class Line:
    """The averages rise or fall all the time."""

    share: float


Shape = Stretch | Line | None
Kind = Literal["window", "day"]


def shape_of(counts: Floats, sums: Floats, *, circular: bool = False, many: bool = False) -> Shape:
    """Return the shape of buckets, None when they have none to speak of.

    With `circular` the first bucket follows the last one, as hours of a day do: then there is no line, and a stretch
    may run over the end (`first` > `last`). `many` says that the readings are of several devices, of which some may
    be silent: then a stretch in which clearly fewer or more were heard is no shape.
    """
    usual = float(np.median(counts[counts > 0])) if (counts > 0).any() else 0.0
    places = np.flatnonzero(counts >= max(1.0, THIN * usual))
    if len(places) < FEWEST_BUCKETS:
        return None
    means = sums[places] / counts[places]
    total = float(((means - means.mean()) ** 2).sum())
    if total <= 1e-18 * max(1.0, float(np.abs(means).max()) ** 2) * len(means):
        return None
    stretch = _best_stretch(means, total, circular)
    line = 0.0 if circular else _line_share(places.astype(np.float64), means, total)
    if max(stretch.share, line) < MOST_OF:
        return None
    if line >= stretch.share:
        return Line(line)
    if many and not _is_steady(counts[places], stretch):
        return None
    last = len(counts) if stretch.last == len(places) else int(places[stretch.last - 1]) + 1 if stretch.last else 0
    return Stretch(int(places[stretch.first]), last, stretch.share)


def inside(stretch: Stretch, size: int) -> NDArray[np.bool_]:
    """Return which of so many buckets lie in a stretch."""
    places = np.arange(size)
    if stretch.first < stretch.last:
        return (places >= stretch.first) & (places < stretch.last)
    return (places >= stretch.first) | (places < stretch.last)


def _best_stretch(means: Floats, total: float, circular: bool) -> Stretch:
    """Return the stretch whose level differs most; in a circle the stretch that is not longer than the rest."""
    size, centred = len(means), means - means.mean()
    added = np.concatenate([[0.0], np.cumsum(centred)])
    best = Stretch(0, size, 0.0)
    for first in range(size):
        lasts = np.arange(first + SHORTEST, size + 1)
        lasts = lasts[size - (lasts - first) >= SHORTEST]
        if not len(lasts):
            continue
        inner = lasts - first
        share = (added[lasts] - added[first]) ** 2 * size / (inner * (size - inner)) / total
        place = int(np.argmax(share))
        if share[place] > best.share + 1e-12:
            best = Stretch(first, int(lasts[place]), float(share[place]))
    if circular and best.last - best.first > size / 2:
        return Stretch(best.last % size, best.first, best.share)
    # What was different at the beginning is told as what came after it.
    return Stretch(best.last, size, best.share) if best.first == 0 and not circular else best


def _line_share(at: Floats, means: Floats, total: float) -> float:
    centred = at - at.mean()
    return float((centred * (means - means.mean())).sum() ** 2 / (centred**2).sum() / total)


def _is_steady(counts: Floats, stretch: Stretch) -> bool:
    inner = inside(stretch, len(counts))
    within, outside = float(counts[inner].mean()), float(counts[~inner].mean())
    return abs(within - outside) <= STEADY * max(within, outside)
