"""A device unlike its peers, from the newest values of many devices at about one time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from insights.detection.verdict import Kind, Verdict

LEAST_PEERS = 8  # fewer say nothing about what is usual
FAR = 8.0  # spreads from the middle: so far out comes nothing of a normal or exponential distribution of thousands
TO_SIGMA = 1.4826  # the median distance of a normal distribution times this is its standard deviation


def unlike_peers(
    times: NDArray[np.float64], values: NDArray[np.float64], sensitivity: float = 1.0
) -> dict[int, Verdict]:
    """Return the verdicts on the devices whose newest value is far from the others', by their place in the arrays.

    `times` in seconds since 1970; values that are no finite numbers are left out. The middle is the median and the
    spread the median distance from it (Hampel's identifier). Where half of the devices agree to the last digit there is
    none: such a number is a state (a gear, parked at 0 km/h), and to be in another is no fault.
    """
    use = np.flatnonzero(np.isfinite(values))
    if len(use) < LEAST_PEERS:
        return {}
    middle = float(np.median(values[use]))
    away = np.abs(values[use] - middle)
    spread = TO_SIGMA * float(np.median(away))
    if not spread or not np.isfinite(spread):
        return {}
    far = away / spread * max(0.0, sensitivity)
    low, high = middle - 3.0 * spread, middle + 3.0 * spread
    return {
        int(use[i]): Verdict(
            float(times[use[i]]), Kind.UNLIKE_PEERS, float(far[i] / (far[i] + FAR)), float(values[use[i]]), low, high
        )
        for i in np.flatnonzero(far >= FAR)
    }
