"""The online detector of one series. See docs/detection.md."""

from __future__ import annotations

import struct
from itertools import chain
from math import isfinite, log10
from typing import Self

from insights.detection.early import Early
from insights.detection.hours import Hours
from insights.detection.seen import SAME, Seen
from insights.detection.stuck import Runs
from insights.detection.tails import CLUSTER, Tail
from insights.detection.verdict import Kind, Verdict
from insights.detection.week import Week

VERSION = 3  # of the layout and of what the numbers mean; a state of another version is refused, and learned anew
LEARNING_S = 3600.0  # seconds: in the first hour it is learned what is usual, and only what is unmistakable is told
CAUTION = 1.5  # times as surprising as later something must be to be told in that hour
WARM_S = 600.0  # seconds: whatever comes in the first minutes is new, so how new it is says nothing about later
LEARNING_READINGS = 60.0  # and at least so many readings, for devices that send rarely
THRESHOLD = 2.5  # surprise of a finding: about one in a thousand readings of a device that sends every five minutes
FAST_S = 300.0  # seconds: devices that send more often need more surprise, so that findings a day stay as few
QUIET = 100.0  # readings until an event that has been told is told again
LARGEST = 1e30  # values beyond are cut to it, so that differences and sums of them stay numbers, short ones too
PLACES = 48  # numbers that each histogram keeps
SMOOTH = 0.3  # weight of the newest value in the short averages: some three readings
SHARE = 0.05  # of the values lie outside the band that is called usual
NORM = 1.5  # between 1, where views add up, and the largest alone: two that agree count for more than one
GAP = 20.0  # intervals of silence after which the last value no longer tells anything about the next
MEMORY_S = 28 * 86400.0  # seconds: half of what is known is forgotten in four weeks,
MEMORY_READINGS = 10_000.0  # though not before so many readings
KINDS = (Kind.SPIKE, Kind.SPIKE, Kind.LEVEL_SHIFT, Kind.SPREAD, Kind.RHYTHM, Kind.RHYTHM)
WEEKLY = 4  # the place of the difference from the hour of the week among the views
# Earlier numbers that make one familiar: a value that came twice may be a fault that came twice.
MASS = (3.0, 3.0, 1.0, 1.0, 1.0)
# Readings until a number counts as seen: those of one event do not excuse each other where the level is looked at.
DELAYS = (int(CLUSTER), 0, int(CLUSTER), 0, 0)
SCALARS = (
    "seen", "elapsed", "last", "interval", "value", "mean", "spread", "score", "news", "told", "until", "kept", "since",
)  # fmt: skip


class Detector:
    """Judge each reading of a series by those before it; the state is small and of one size.

    Six views: the value, its change, its short average, its short spread, the value among those of this hour of the
    day, and its difference from what this hour of the week brings. Each view's number is compared with the nearest that
    it had before (`Seen`), the distance with the largest distances before (`Tail`), and the surprises are added up.
    """

    __slots__ = ("early", "hours", "runs", "tails", "views", "week", *SCALARS)

    seen: float  # readings
    elapsed: float  # seconds of learning, without gaps
    last: float  # time of the newest reading, seconds since 1970
    interval: float  # seconds between readings, the recent average
    value: float  # the last one
    mean: float  # of the last few values
    spread: float  # mean change of the last few values
    score: float  # 0..1 of the last reading; 0.5 is the threshold of a finding
    news: float  # the score where it is the highest of its event so far, else 0
    told: float  # the highest score of the event that is open
    until: float  # the reading at which that event is over
    kept: float  # readings since half was forgotten
    since: float  # seconds since then

    def __init__(self) -> None:
        for name in SCALARS:
            setattr(self, name, 0.0)
        self.views = [Seen(PLACES, delay) for delay in DELAYS]
        self.hours = Hours()
        self.week = Week()
        self.tails = [Tail() for _ in KINDS]
        self.runs = Runs()
        self.early = Early()

    def step(self, at: float, value: float, sensitivity: float = 1.0) -> Verdict | None:
        """Judge a reading, then learn from it; return what is odd about it, if anything is.

        `at` in seconds since 1970. `sensitivity` is a factor: 2 reports what is half as surprising as usual, 0.5 wants
        twice as much. A value that is no finite number is neither judged nor learned from.
        """
        self.score = self.news = 0.0
        if not isfinite(value) or not isfinite(at):
            return None
        value = min(LARGEST, max(-LARGEST, value))
        self._time(at, value)
        before = self.value
        surprise, kind = self._surprise(at, value)
        stuck = self.runs.step(value)
        if self.learning_until is not None:
            leap = self.early.step(value, value - before)
            if self.seen < LEARNING_READINGS:
                return None
            surprise, kind = max((surprise / CAUTION, kind), (THRESHOLD * leap, Kind.SPIKE))
            stuck *= self.early.is_within(value)
        if stuck >= 1.0 and surprise < THRESHOLD:
            surprise, kind = THRESHOLD * stuck, Kind.STUCK
        surprise *= max(0.0, sensitivity)
        self._tell(surprise / (surprise + THRESHOLD), kind)
        return self._verdict(at, value, kind) if surprise >= THRESHOLD else None

    @property
    def learning_until(self) -> float | None:
        """Return until when it tells only what is unmistakable, in seconds since 1970; None once that is over."""
        readings, seconds = LEARNING_READINGS - self.seen, LEARNING_S - self.elapsed
        if readings <= 0.0 and seconds <= 0.0:
            return None
        return self.last + max(seconds, readings * self.interval)

    def band(self, at: float) -> tuple[float, float, bool]:
        """Return the lowest and highest usual value at a time, and whether they are those of its hour of the day."""
        usual = self.hours.usual(at, SHARE)
        low, high = usual or self.views[0].between(SHARE) or (self.value, self.value)
        return low, high, usual is not None

    def _verdict(self, at: float, value: float, kind: Kind) -> Verdict:
        low, high, hourly = self.band(at)
        return Verdict(at, kind, self.score, value, low, high, hourly)

    def _tell(self, score: float, kind: Kind) -> None:
        self.score = score
        if self.seen >= self.until:
            self.told = 0.0
        if kind is Kind.STUCK and self.told:
            self.until = self.seen + QUIET  # it is told once, however long it lasts
        elif score > self.told:
            self.told = self.news = score
            self.until = self.seen + QUIET

    def _time(self, at: float, value: float) -> None:
        """Count the reading, and begin anew with the short averages where the last value is too old to tell."""
        step = at - self.last if self.seen else 0.0
        known = GAP * self.interval if self.seen > 2.0 and self.interval else step
        if not self.seen or step < 0.0 or step > known:
            self.value = self.mean = value
        # A silence counts as the longest that is none: it tells next to nothing of how often the device sends, yet one
        # that sends less often from now on is believed after a few readings.
        step = min(max(0.0, step), max(0.0, known))
        self.elapsed = min(LEARNING_S, self.elapsed + step)
        self.since += step
        self.interval += max(1.0 / max(1.0, self.seen), 0.05) * (step - self.interval)
        self.last = at
        self.seen += 1.0
        self.kept += 1.0
        if self.since > MEMORY_S and self.kept > MEMORY_READINGS:
            self._fade()

    def _surprise(self, at: float, value: float) -> tuple[float, Kind]:
        total, most, kind = 0.0, 0.0, Kind.SPIKE
        distances = self._distances(at, value)
        if self.elapsed < WARM_S:
            return 0.0, kind
        for far, tail, named in zip(distances, self.tails, KINDS, strict=True):
            rare = 0.0 if far is None else tail.surprise(far)
            if rare <= 0.0:
                continue
            total += rare**NORM
            # A spike moves the averages too, so these name a finding only when they say much more than the spike does.
            said = rare if named is Kind.SPIKE else rare / 2.0
            if said > most:
                most, kind = said, named
        if not total:
            return 0.0, kind
        often = log10(FAST_S / self.interval) if 0.0 < self.interval < FAST_S else 0.0
        return max(0.0, total ** (1.0 / NORM) - often), kind

    def _distances(self, at: float, value: float) -> tuple[float | None, ...]:
        """Return how far each view's number is from those it had before, in the order of KINDS; then count them.

        None stands for a view that does not know yet what to expect.
        """
        change = value - self.value
        self.value = value
        self.mean += SMOOTH * (value - self.mean)
        self.spread += SMOOTH * (abs(change) - self.spread)
        off = self.week.residual(at, value)
        return (
            self._distance(0, value, value), self._distance(1, change, change), self._distance(2, self.mean, value),
            self._distance(3, self.spread, self.spread), self.hours.distance(at, value),
            None if off is None else self._distance(WEEKLY, off, value),
        )  # fmt: skip

    def _distance(self, place: int, number: float, scale: float) -> float:
        seen = self.views[place]
        far = seen.distance(number, MASS[place])
        seen.add(number)
        return far if far > SAME * abs(scale) else 0.0

    def _fade(self) -> None:
        self.since = self.kept = 0.0
        parts: tuple[Seen | Tail | Hours | Runs, ...] = (*self.views, *self.tails, self.hours, self.runs)
        for part in parts:
            part.fade()

    def dumps(self) -> bytes:
        """Return the whole state; what `loads` makes of it goes on exactly as this detector would."""
        parts: tuple[Runs | Early | Tail, ...] = (self.runs, self.early, *self.tails)
        numbers = [getattr(self, name) for name in SCALARS]
        numbers += chain.from_iterable(part.numbers() for part in parts)
        views = b"".join(view.dumps() for view in self.views)
        return struct.pack(f"<B{len(numbers)}d", VERSION, *numbers) + views + self.week.dumps() + self.hours.dumps()

    @classmethod
    def loads(cls, state: bytes) -> Self:
        """Return the detector that was stored; raise ValueError when it is of another version or none at all."""
        made = cls()
        if len(state) != len(made.dumps()) or state[0] != VERSION:
            raise ValueError("not the state of a detector of this version")
        sizes = [len(view.dumps()) for view in made.views]
        weekly, hourly = len(made.week.dumps()), len(made.hours.dumps())
        place = len(state) - hourly - weekly - sum(sizes)
        numbers = iter(struct.unpack(f"<{(place - 1) // 8}d", state[1:place]))
        for name in SCALARS:
            setattr(made, name, next(numbers))
        made.runs.restore(numbers)
        made.early.restore(numbers)
        for tail in made.tails:
            tail.restore(numbers)
        for view, size in zip(made.views, sizes, strict=True):
            view.restore(state[place : place + size])
            place += size
        made.week.restore(state[place : place + weekly])
        made.hours.restore(state[place + weekly :])
        return made
