"""Arithmetic of the benchmarks: percentiles, medians of several runs, slopes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import linear_regression, median
from typing import Any

import numpy as np

HOUR_S = 3600.0


def spread_ms(seconds: Sequence[float]) -> dict[str, float | int | None]:
    """Return how times in seconds are spread, in milliseconds: p50, p95, p99, the longest, and how many there are."""
    if not seconds:
        return {"p50_ms": None, "p95_ms": None, "p99_ms": None, "max_ms": None, "count": 0}
    p50, p95, p99, longest = (round(float(ms), 2) for ms in np.percentile(np.array(seconds) * 1000, [50, 95, 99, 100]))
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "max_ms": longest, "count": len(seconds)}


def median_of(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return one report for several of the same kind: the median of each number, at every depth.

    What is no number, such as a word or a verdict, is that of the last report. A number that some reports lack counts
    where it is.
    """
    return {key: _middle([report[key] for report in reports if key in report]) for key in reports[-1]}


def _middle(values: Sequence[Any]) -> Any:
    if all(isinstance(value, Mapping) for value in values):
        return median_of(values)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        # What is the same in all stays a whole number if it is one.
        return values[0] if len(set(values)) == 1 else round(median(values), 3)
    return values[-1]


def slope_per_hour(samples: Sequence[tuple[float, float]]) -> float | None:
    """Return by how much a value grows in an hour: the slope of the line nearest to (seconds, value) pairs.

    None for fewer than three samples, which say nothing.
    """
    if len(samples) < 3:
        return None
    times, values = zip(*samples, strict=True)
    return float(linear_regression(times, values).slope) * HOUR_S
