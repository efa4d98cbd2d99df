"""Fewer points where a chart could not show them all, and a mark where a device was silent. Pure.

MinMaxLTTB keeps the shape. It chooses among the smallest and the largest values of each stretch and may leave one out
of them, so the smallest and the largest of all are added: no peak is lost, however much is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

RAW = "raw"
_downsampler: Any = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
EXTREMES = 2  # the smallest and the largest value
FEWEST = 3 + EXTREMES  # below this the algorithm has no stretch between the first and the last point
POINTS_A_SILENCE = 3  # the last one before, the mark, the first one after


def kept(values: NDArray[Any], at_most: int) -> NDArray[np.intp]:
    """Return the places of at most so many values to keep, in ascending order; the newest is always among them."""
    if len(values) <= at_most:
        return np.arange(len(values))
    if at_most < FEWEST or values.dtype == object:
        return np.linspace(len(values) - 1, 0, at_most).astype(np.intp)[::-1]
    # By place and not by time: after a long silence, times would put all that came since into one stretch.
    shape = _downsampler.downsample(values, n_out=at_most - EXTREMES).astype(np.intp)
    return np.union1d(shape, [np.argmin(values), np.argmax(values)]).astype(np.intp)


def kept_around(values: NDArray[Any], silences: NDArray[np.intp], at_most: int) -> NDArray[np.intp]:
    """Return the places to keep so that they and a mark for each silence between two of them are at most so many.

    `silences` are the places that a silence follows. While there are few, the points at both sides of each are kept;
    where they are many, points that only enclose several of them stand for all.
    """
    if len(values) + len(silences) <= at_most:
        return np.arange(len(values))
    room = at_most - POINTS_A_SILENCE * len(silences)
    if room >= max(FEWEST, at_most // 2):
        sides = np.concatenate((silences, silences + 1))
        return np.union1d(kept(values, room), sides).astype(np.intp)
    return kept(values, max(1, at_most // 2))


def silences_between(places: NDArray[np.intp], silences: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return after which of the kept places a mark belongs: those with a silence before the next kept one."""
    passed = np.searchsorted(silences, places)
    return np.flatnonzero(passed[1:] > passed[:-1])


def in_words(before: int, after: int) -> str:
    """Return how many points stand for how many: `raw` for all of them, or `1 of 12`."""
    return RAW if before <= after else f"1 of {before / after:.3g}"
