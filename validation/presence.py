"""When a device is online, late or offline: the one rule, which the pages, the API and the sockets share. Pure."""

from __future__ import annotations

from typing import Literal

Status = Literal["online", "late", "offline"]

# Seconds between readings of a device of which nobody said it and nothing could be learned yet.
DEFAULT_INTERVAL_S = 10.0
# A device may miss two readings and be called online; the floor keeps fast ones from flickering with the network.
ONLINE_INTERVALS, ONLINE_AT_LEAST_S = 3, 5.0
LATE_INTERVALS, LATE_AT_LEAST_S = 10, 30.0


def expected_interval(override: float | None, learned: float | None) -> float:
    """Return the seconds expected between readings: what a person set, else what was learned, else 10."""
    return override or learned or DEFAULT_INTERVAL_S


def status(last_seen: float | None, interval: float, now: float) -> Status:
    """Say how a device is, by when anything of it last arrived; `last_seen` and `now` are seconds since 1970.

    What counts is the arrival and not the time written in a reading. A device that was never seen is offline.
    """
    if last_seen is None:
        return "offline"
    silence = now - last_seen
    if silence <= max(ONLINE_INTERVALS * interval, ONLINE_AT_LEAST_S):
        return "online"
    return "late" if silence <= max(LATE_INTERVALS * interval, LATE_AT_LEAST_S) else "offline"
