"""When a forecast reaches a limit: at the earliest, as expected, and at the latest. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Crossing:
    """After how many steps a limit is reached; None: not within what was forecast.

    `is_below` says that it is reached from above.
    """

    limit: float
    is_below: bool
    is_there: bool  # the newest value is beyond it already
    earliest: float | None
    expected: float | None
    latest: float | None


def crossing(newest: float, expected: Floats, low: Floats, high: Floats, limit: float, below: bool | None) -> Crossing:
    """Return when a series reaches a limit; without `below` from the side on which the newest value is.

    The earliest moment is where the interval's near edge gets there, the latest where all of it is beyond.
    """
    is_below = newest >= limit if below is None else below
    near, far = (low, high) if is_below else (high, low)
    beyond = newest < limit if is_below else newest > limit
    if beyond:
        return Crossing(limit, is_below, True, 0.0, 0.0, 0.0)
    return Crossing(limit, is_below, False, *(_first(newest, line, limit, is_below) for line in (near, expected, far)))


def _first(newest: float, line: Floats, limit: float, is_below: bool) -> float | None:
    """Return the step at which a line gets beyond a limit, between two steps as if it were straight there."""
    beyond = line < limit if is_below else line > limit
    if not beyond.any():
        return None
    place = int(np.argmax(beyond))
    before, after = (float(line[place - 1]) if place else newest), float(line[place])
    share = (limit - before) / (after - before) if after != before else 1.0
    return place + min(1.0, max(0.0, share))
