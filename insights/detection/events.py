"""Consecutive findings are one event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from insights.detection.verdict import Verdict

LEAST_S = 60.0  # seconds: a device at 1 Hz that hovers about its limit makes one event a minute at most, not ten
READINGS = 12.0  # how many ordinary readings in a row end an event of a slower device


@dataclass(frozen=True, slots=True)
class Event:
    """One odd stretch of a series: from `start` to `end`, seconds since 1970, with its oddest reading, `peak`."""

    start: float
    end: float
    peak: Verdict
    findings: int


def quiet(interval: float) -> float:
    """Return after how many seconds without a finding an event is over; `interval` is that between readings."""
    return max(LEAST_S, READINGS * interval)


def continued(event: Event | None, verdict: Verdict, interval: float) -> Event | None:
    """Return the event with one more finding in it, or None when the finding begins another event.

    A finding from before the event's start, as a clock that was set back makes it, begins another one as well.
    """
    if event is None or not event.start <= verdict.at <= event.end + quiet(interval):
        return None
    peak = verdict if verdict.score > event.peak.score else event.peak
    return replace(event, end=max(event.end, verdict.at), peak=peak, findings=event.findings + 1)


def begun(verdict: Verdict) -> Event:
    """Return the event that a finding begins."""
    return Event(verdict.at, verdict.at, verdict, 1)


def events(verdicts: Iterable[Verdict], interval: float) -> list[Event]:
    """Return the events of findings that come in the order of their series."""
    made: list[Event] = []
    for verdict in verdicts:
        longer = continued(made[-1], verdict, interval) if made else None
        if longer is None:
            made.append(begun(verdict))
        else:
            made[-1] = longer
    return made
