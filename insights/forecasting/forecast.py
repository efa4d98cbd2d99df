"""Forecast a series: the way that would have been best so far, with intervals from the errors that it made. Pure.

The interval of a step ahead lies between two quantiles of the errors that the chosen way made that many steps ahead
(split conformal prediction; Vovk et al., "Algorithmic Learning in a Random World"). Errors of neighbouring moments are
alike, so there are fewer of them than it seems. How often intervals that were made in the same way have covered what
came is measured by going through the series once more (`coverage`), and when that is less or more than was promised the
quantiles are moved (after adaptive conformal inference; Gibbs & Candès 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from insights.forecasting.candidates import Candidate, candidates

Floats = NDArray[np.float64]

NOMINAL = 0.9  # how often what comes lies in the interval
FEWEST_VALUES = 30  # of fewer nobody can say which way is better
MOST_VALUES = 2_016  # of a series that are looked at: a week of 5 minutes, three weeks of 15
MOST_STEPS = 60
# Seasons must have been seen so often before they are believed in.
SEASONS_NEEDED = 2.5
WARM_UP = 10  # values that a way sees before its errors count
BLOCKS = 12  # into which the series is cut to see how often intervals have covered
NEIGHBOURS = 1  # steps ahead on either side whose errors count for a step too
# Shares of past errors that an interval may hold after it was moved, one after the other.
WIDER, NARROWER = (0.93, 0.96, 0.98, 0.995), (0.87, 0.84, 0.80)
CLOSE_ENOUGH = 0.01
WITHOUT_A_TEST = 0.96  # with few errors a wide interval is the honest one


class TooLittleData(Exception):
    """A series has too few values to say anything about what comes; the message says how many there are."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is expected: for each step the value, and between what nine of ten will lie.

    `way` is the chosen candidate, `error` its mean absolute error in the back-test, `origins` at how many moments that
    was tested; `coverage` how often intervals that were made before have held what came, None with too few to say.
    """

    expected: Floats
    low: Floats
    high: Floats
    way: str
    error: float
    origins: int
    coverage: float | None


def forecast(
    values: Floats, steps: int, seasons: Sequence[int] = (), low: float | None = None, high: float | None = None
) -> Forecast:
    """Forecast so many steps of a series on a regular grid (nan is missing), whose last value is the newest.

    `seasons` are lengths in steps that may matter; `low` and `high` are what values cannot go beyond. Raises
    TooLittleData. Takes some 0.3 s for MOST_VALUES values and MOST_STEPS steps.
    """
    values = values[-MOST_VALUES:]
    count = int((~np.isnan(values)).sum())
    if count < max(FEWEST_VALUES, WARM_UP + 2 * steps):
        needed = max(FEWEST_VALUES, WARM_UP + 2 * steps)
        raise TooLittleData(f"{count:,} values are too few to forecast {steps} steps: it takes {needed:,}.")
    usable = [season for season in seasons if season > 1 and len(values) >= SEASONS_NEEDED * season]
    came = _what_came(values, steps)
    best, errors, mean_error = _best(candidates(values, steps, usable), came)
    share, coverage = _calibrated(errors)
    below, above = _quantiles(errors, share)
    expected = best.said[-1]
    expected = np.where(np.isnan(expected), _last(values), expected)
    bounds = (-np.inf if low is None else low, np.inf if high is None else high)
    return Forecast(
        np.clip(expected, *bounds),
        np.clip(expected + below, *bounds),
        np.clip(expected + above, *bounds),
        best.name,
        mean_error,
        int((~np.isnan(errors[:, 0])).sum()),
        coverage,
    )


def _last(values: Floats) -> float:
    return float(values[~np.isnan(values)][-1])


def _what_came(values: Floats, steps: int) -> Floats:
    """Return what came after each moment, a column for each step; nan where it is not known yet."""
    padded = np.concatenate([values, np.full(steps, np.nan)])
    return np.stack([padded[step : step + len(values)] for step in range(1, steps + 1)], axis=1)


def _best(ways: Iterable[Candidate], came: Floats) -> tuple[Candidate, Floats, float]:
    """Return the way with the smallest mean absolute error over all moments and steps, and its errors.

    Ways that know nothing at the beginning, as those with seasons, are compared with others where both say something.
    """
    found: list[tuple[Candidate, Floats]] = []
    for way in ways:
        errors = came - way.said
        errors[:WARM_UP] = np.nan
        if not np.isnan(way.said[-1]).all():
            found.append((way, errors))
    common = ~np.isnan(sum(errors for _, errors in found))
    if common.sum() < came.shape[1] * WARM_UP:  # hardly a season is over: what needs none decides
        found = [(way, errors) for way, errors in found if not way.name.startswith("season")]
        common = ~np.isnan(sum(errors for _, errors in found))
    scores = [float(np.abs(errors[common]).mean()) for _, errors in found]
    place = int(np.argmin(scores))
    return *found[place], scores[place]


def _calibrated(errors: Floats) -> tuple[float, float | None]:
    """Return which share of past errors an interval is to hold, and how often such intervals have covered what came."""
    share, coverage = NOMINAL, _coverage(errors, NOMINAL)
    if coverage is None:
        return WITHOUT_A_TEST, None
    ladder = WIDER if coverage < NOMINAL else NARROWER
    for other in ladder:
        if abs(coverage - NOMINAL) <= CLOSE_ENOUGH:
            break
        found = _coverage(errors, other)
        if found is None or abs(found - NOMINAL) >= abs(coverage - NOMINAL):
            break
        share, coverage = other, found
    return share, coverage


def _coverage(errors: Floats, share: float) -> float | None:
    """Return how often intervals that were made of the errors known by then have held what came, block by block."""
    size, steps = errors.shape
    held = count = 0
    for block in range(BLOCKS // 3, BLOCKS):
        first, last = size * block // BLOCKS, size * (block + 1) // BLOCKS
        # What was said later has not come by then; every other moment says as much as all of them.
        known = errors[: max(0, first - steps) : 2]
        if (~np.isnan(known[:, -1])).sum() < FEWEST_VALUES:
            continue
        below, above = _quantiles(known, share)
        new = errors[first:last]
        there = ~np.isnan(new)
        held += int(((new >= below - 1e-12) & (new <= above + 1e-12) & there).sum())
        count += int(there.sum())
    return held / count if count >= FEWEST_VALUES else None


def _quantiles(errors: Floats, share: float) -> tuple[Floats, Floats]:
    """Return between what a share of the errors lies, for each step, with those of its neighbours."""
    steps = errors.shape[1]
    below, above = np.empty((2, steps))
    for step in range(steps):
        near = errors[:, max(0, step - NEIGHBOURS) : step + NEIGHBOURS + 1]
        near = near[~np.isnan(near)]
        if not len(near):
            below[step], above[step] = (below[step - 1], above[step - 1]) if step else (-np.inf, np.inf)
            continue
        wide = min(1.0, share * (1 + 1 / len(near)))
        below[step], above[step] = np.quantile(near, [(1 - wide) / 2, (1 + wide) / 2])
    return np.minimum(below, 0.0), np.maximum(above, 0.0)
