"""Data that did not come."""

from __future__ import annotations

from insights.detection.verdict import Kind, Verdict

LEAST_S = 30.0  # seconds: shorter silences are the network's, not the device's
INTERVALS = 10.0  # so many expected readings in a row that did not come are a finding


def missing(last: float, now: float, interval: float, value: float = 0.0, sensitivity: float = 1.0) -> Verdict | None:
    """Return the finding that nothing came since `last`, None while that is no wonder.

    `last` and `now` in seconds since 1970, `interval` the usual seconds between readings, `value` the last one. The
    band of the verdict is when the next reading was due: `low` and `high` in seconds since 1970.
    """
    silent = now - last
    due = max(LEAST_S, INTERVALS * interval)
    weight = max(0.0, sensitivity) * silent
    if weight < due:
        return None
    return Verdict(now, Kind.MISSING, weight / (weight + due), value, last + interval, last + due)
