"""Bring readings onto a regular grid, and know which lengths of it are days and weeks. Pure."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAY_S, WEEK_S = 86_400, 604_800
# Lengths of a step, in seconds: each divides a day.
STEPS = (10, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400)


def seasons_of(step: float) -> list[int]:
    """Return the length of a day and of a week in steps."""
    return [round(length / step) for length in (DAY_S, WEEK_S) if length >= 2 * step]


def regular(times: Floats, values: Floats, step: float, end: float) -> Floats:
    """Return the means of the buckets of a grid from the first reading to before `end`; nan where nothing came."""
    first = np.floor(times[0] / step)
    size = int(np.ceil(end / step) - first)
    places = (np.floor(times / step) - first).astype(np.int64)
    there = (places >= 0) & (places < size)
    count = np.bincount(places[there], minlength=size)
    added = np.bincount(places[there], weights=values[there], minlength=size)
    return np.where(count > 0, added / np.maximum(count, 1), np.nan)
