"""One series: its detector, and the event that is open. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from insights.detection.detector import Detector
from insights.detection.events import Event, begun, continued, quiet
from insights.detection.verdict import Verdict

DAY_S = 86_400
# A device that goes mad makes no more events a day than a person would read; further ones are only counted.
MOST_A_DAY = 50


class KeptSeries(msgspec.Struct, array_like=True):
    """A series as it is stored."""

    detector: bytes
    event: Event | None
    day: int
    told: int


@dataclass(frozen=True, slots=True)
class Noted:
    """An event as it is now, and whether it may go on."""

    event: Event
    is_open: bool
    is_new: bool


class Series:
    """Feeds a detector in the order of event times and joins what it finds to events."""

    __slots__ = ("day", "detector", "event", "suppressed", "told")

    def __init__(self) -> None:
        self.detector = Detector()
        self.event: Event | None = None  # the open one
        self.day = 0  # of the newest event, since 1970
        self.told = 0  # events that began on that day
        self.suppressed = 0  # events beyond MOST_A_DAY, since somebody asked; not stored

    def feed(self, times: Iterable[float], values: Iterable[float], sensitivity: float = 1.0) -> list[Noted]:
        """Judge readings (seconds since 1970; nan where there is no value) and return the events that changed."""
        step = self.detector.step
        noted: dict[float, Noted] = {}
        for at, value in zip(times, values, strict=True):
            if value != value:  # nan
                continue
            verdict = step(at, value, sensitivity)
            if verdict is not None:
                self._take(verdict, noted)
            elif self.event is not None and self._is_over(at):
                self._close(noted)
        return list(noted.values())

    def _is_over(self, at: float) -> bool:
        return self.event is not None and not (self.event.start <= at <= self.event.end + quiet(self.detector.interval))

    def _take(self, verdict: Verdict, noted: dict[float, Noted]) -> None:
        longer = continued(self.event, verdict, self.detector.interval)
        if longer is None:
            self._close(noted)
            self._count(verdict.at)
            longer = begun(verdict)
        self.event = longer
        self._note(noted, is_open=True)

    def _close(self, noted: dict[float, Noted]) -> None:
        if self.event is not None:
            self._note(noted, is_open=False)
            self.event = None

    def _note(self, noted: dict[float, Noted], *, is_open: bool) -> None:
        if self.event is None or self.told > MOST_A_DAY:
            return
        before = noted.get(self.event.start)
        is_new = before.is_new if before else is_open and self.event.findings == 1
        noted[self.event.start] = Noted(self.event, is_open, is_new)

    def _count(self, at: float) -> None:
        day = int(at // DAY_S)
        if day != self.day:
            self.day, self.told = day, 0
        self.told += 1
        if self.told > MOST_A_DAY:
            self.suppressed += 1

    def kept(self) -> KeptSeries:
        """Return it as it is stored."""
        return KeptSeries(self.detector.dumps(), self.event, self.day, self.told)

    @classmethod
    def of(cls, kept: KeptSeries) -> Series:
        """Return a series that was stored; one whose detector is of another version learns anew."""
        made = cls()
        try:
            made.detector = Detector.loads(kept.detector)
        except ValueError:
            return made
        made.event, made.day, made.told = kept.event, kept.day, kept.told
        return made
