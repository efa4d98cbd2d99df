"""Fewer points where a chart could not show them all. Pure.

MinMaxLTTB keeps the shape. It chooses among the smallest and the largest values of each stretch and may leave one out
of them, so the smallest and the largest of all are added: no peak is lost, however much is left out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from tsdownsample import MinMaxLTTBDownsampler

from validation.selectors import Series

RAW = "raw"
_downsampler: Any = MinMaxLTTBDownsampler()  # type: ignore[no-untyped-call]
EXTREMES = 2  # the smallest and the largest value
FEWEST = 3 + EXTREMES  # below this the algorithm has no stretch between the first and the last point


def thinned(series: Series, at_most: int) -> tuple[Series, str]:
    """Return a series of at most so many points, and its resolution: `raw`, or `1 of 12` points."""
    count = len(series.micros)
    if count <= at_most:
        return series, RAW
    kept = _kept(series.values, at_most)
    return Series(series.micros[kept], series.values[kept]), f"1 of {count / len(kept):.3g}"


def _kept(values: NDArray[np.generic], at_most: int) -> NDArray[np.intp]:
    """Return the places to keep, in ascending order."""
    if at_most < FEWEST or values.dtype == object:
        # The newest is always among them.
        return np.linspace(len(values) - 1, 0, at_most).astype(np.intp)[::-1]
    # By place and not by time: after a long silence, times would put all that came since into one stretch.
    shape = _downsampler.downsample(values, n_out=at_most - EXTREMES).astype(np.intp)
    return np.union1d(shape, [np.argmin(values), np.argmax(values)]).astype(np.intp)
