"""Ways to forecast a series on a regular grid, each run once over all of it, so that every moment is a back-test. Pure.

A candidate gives for each moment t and each step h ahead what it says at t about t + h, from values up to t only:

    level     exponential smoothing (Brown 1956): the smoothed level goes on
    trend     Holt's linear trend (1957), damped (Gardner & McKenzie 1985)
    season    the mean of the same place in the last few days or weeks (seasonal naive; Hyndman & Athanasopoulos,
              "Forecasting: Principles and Practice", 5.2), plus what of the present deviation from it is left by then

Values that are missing are nan: nothing is learned from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEVEL_WEIGHTS = (0.02, 0.1, 0.3, 0.6, 1.0)  # of the newest value; 1 is the last value, 0.02 nearly the mean
TREND_WEIGHTS = (0.1, 0.4, 0.8)
SLOPE_WEIGHTS = (0.01, 0.1)
DAMPING = (0.8, 0.95, 1.0)  # what is left of a slope after each step
SEASONS_SEEN = 4  # of which the mean is taken
DEVIATION_WEIGHT = 0.4
LEFT = (0.0, 0.8, 0.95, 1.0)  # what is left of a deviation from the season after each step


@dataclass(frozen=True, slots=True)
class Candidate:
    """What one way says: `said[t, h - 1]` is the forecast made at t of t + h; nan where it knows nothing yet."""

    name: str
    said: Floats


def candidates(values: Floats, steps: int, seasons: Sequence[int]) -> Iterator[Candidate]:
    """Give what each way says at each moment of a series, up to `steps` ahead; seasons are lengths in steps.

    Takes some 100 ms for 2,000 values and 60 steps.
    """
    levels = smoothed(values, np.array(LEVEL_WEIGHTS))
    for place, weight in enumerate(LEVEL_WEIGHTS):
        yield Candidate(f"level {weight:g}", np.repeat(levels[:, place : place + 1], steps, axis=1))
    yield from _trends(values, steps)
    for season in seasons:
        yield from _seasonal(values, steps, season)


def smoothed(values: Floats, weights: Floats) -> Floats:
    """Return the exponentially smoothed level at each moment, a column for each weight."""
    found = np.full((len(values), len(weights)), np.nan)
    level = np.full(len(weights), np.nan)
    for place, value in enumerate(values.tolist()):
        if value == value:  # not nan
            level = np.where(np.isnan(level), value, level + weights * (value - level))
        found[place] = level
    return found


def _trends(values: Floats, steps: int) -> Iterator[Candidate]:
    grid = np.array(list(product(TREND_WEIGHTS, SLOPE_WEIGHTS, DAMPING)))
    levels, slopes = _holt(values, grid)
    for place, (weight, slope_weight, damping) in enumerate(grid.tolist()):
        reach = np.cumsum(damping ** np.arange(1, steps + 1))
        said = levels[:, place : place + 1] + slopes[:, place : place + 1] * reach
        yield Candidate(f"trend {weight:g} {slope_weight:g} {damping:g}", said)


def _holt(values: Floats, grid: Floats) -> tuple[Floats, Floats]:
    """Return level and slope at each moment, a column for each weight, weight of the slope, and damping."""
    weight, slope_weight, damping = grid.T
    levels, slopes = np.full((2, len(values), len(grid)), np.nan)
    level, slope = np.full(len(grid), np.nan), np.zeros(len(grid))
    for place, value in enumerate(values.tolist()):
        expected = level + damping * slope
        if value != value:
            level, slope = expected, damping * slope
        elif np.isnan(level[0]):
            level = np.full(len(grid), value)
        else:
            before, level = level, expected + weight * (value - expected)
            slope = damping * slope + slope_weight * (level - before - damping * slope)
        levels[place], slopes[place] = level, slope
    return levels, slopes


def _seasonal(values: Floats, steps: int, season: int) -> Iterator[Candidate]:
    length = len(values)
    if length <= season:
        return
    ahead = np.arange(1, steps + 1)
    # The newest value of the same place that is known at t, and those of the seasons before it.
    newest = np.arange(length)[:, None] + ahead - -(-ahead // season) * season
    profile = _mean_of([_at(values, newest - back * season) for back in range(SEASONS_SEEN)])
    usual = _mean_of([_at(values, np.arange(length) - back * season) for back in range(1, SEASONS_SEEN + 1)])
    deviation = smoothed(values - usual, np.array([DEVIATION_WEIGHT]))
    for left in LEFT:
        said = profile + np.nan_to_num(deviation) * left**ahead if left else profile
        yield Candidate(f"season {season} {left:g}", said)


def _at(values: Floats, places: NDArray[np.int64]) -> Floats:
    return np.where(places >= 0, values[np.maximum(places, 0)], np.nan)


def _mean_of(parts: Sequence[Floats]) -> Floats:
    there = np.stack(parts)
    counts = (~np.isnan(there)).sum(axis=0)
    return np.where(counts > 0, np.nansum(there, axis=0) / np.maximum(counts, 1), np.nan)
