"""The online detector of one series."""

from __future__ import annotations

import struct
from itertools import chain
from math import isfinite, log

from insights.detection.rhythm import DAY, Rhythm
from insights.detection.tails import Tail
from insights.detection.verdict import Kind, Verdict

VERSION = 1  # of the stored state; an older one is refused and learned anew
LEARNING_S = 3600.0  # seconds: the first hour is only learned from
LEARNING_READINGS = 60.0  # and at least so many readings, for devices that send rarely
THRESHOLD = 2.0  # -log10 of a chance: a finding is what one cluster of readings in a hundred would bring
LARGEST = 1e150  # values beyond are cut to it, so that squares and sums of them stay numbers
FADING = 0.97  # a reading: how fast an event that was told is forgotten
HALF_HOURS = 48
VIEWS = (Kind.SPIKE, Kind.LEVEL_SHIFT, Kind.SPREAD, Kind.RHYTHM)
SCALARS = (
    "first", "last", "seen", "interval", "level", "scale", "fast", "value", "moves", "quick", "off", "score",
    "news", "told",
)  # fmt: skip


class Detector:
    """Judge each reading of a series by those before it; the state is small and of one size."""

    __slots__ = ("_band", "rhythm", "tails", *SCALARS)

    def __init__(self) -> None:
        for name in SCALARS:
            setattr(self, name, 0.0)
        self.rhythm = Rhythm(DAY, HALF_HOURS)
        self.tails = [Tail() for _ in VIEWS]

    first: float  # time of the first reading, seconds since 1970
    last: float  # time of the newest
    seen: float  # readings
    interval: float  # seconds between readings, the recent average
    level: float  # slow average of the values
    scale: float  # slow average of the distance from it
    fast: float  # average of the last few values
    value: float  # the last value
    moves: float  # slow average of the step from value to value
    quick: float  # average of the last few steps
    off: float  # average of the last few distances from the rhythm
    score: float  # 0..1 of the last reading; 0.5 is the threshold of a finding
    news: float  # the score where it is the highest of its event so far, else 0
    told: float  # the highest score of late, which fades

    def step(self, at: float, value: float, sensitivity: float = 1.0) -> Verdict | None:
        """Judge a reading, then learn from it; return what is odd about it, if anything is.

        `at` in seconds since 1970. `sensitivity` is a factor: 2 reports what is half as surprising as usual, 0.5 wants
        twice as much. A value that is no finite number is neither judged nor learned from.
        """
        self.score = self.news = 0.0
        if not isfinite(value) or not isfinite(at):
            return None
        value = min(LARGEST, max(-LARGEST, value))
        if not self.seen:
            self._begin(at, value)
            return None
        kind, surprise = self._surprise(at, value)
        low, high = self.band(at)
        self._learn(at, value)
        if self.learning_until is not None and at <= self.learning_until:
            return None
        surprise *= max(0.0, sensitivity)
        self.score = surprise / (surprise + THRESHOLD)
        self.told *= FADING
        if self.score > self.told:
            self.told = self.news = self.score
        return Verdict(at, kind, self.score, value, low, high) if surprise >= THRESHOLD else None

    @property
    def learning_until(self) -> float | None:
        """Return when the first findings may come, in seconds since 1970; None once that is over."""
        left = LEARNING_READINGS - self.seen
        if left <= 0 and self.last - self.first > LEARNING_S:
            return None
        return max(self.first + LEARNING_S, self.last + max(0.0, left) * self.interval)

    def band(self, at: float) -> tuple[float, float]:
        """Return what is expected at a time: lowest and highest usual value."""
        known = self.rhythm.expected(at)
        level, spread = known if known is not None else (self.level, self.scale)
        reach = 3.0 * max(spread, self.scale * 0.5)
        return level - reach, level + reach

    def _begin(self, at: float, value: float) -> None:
        self.first = self.last = at
        self.level = self.fast = self.value = value
        self.seen = 1.0
        self.rhythm.residual(at, value)

    def _surprise(self, at: float, value: float) -> tuple[Kind, float]:
        off = self.rhythm.residual(at, value)
        self.fast += (value - self.fast) * 0.2
        self.off += ((off or 0.0) - self.off) * 0.2
        move = abs(value - self.value)
        self.quick += (move - self.quick) * 0.1
        tiny = 1e-9 * (abs(self.level) + abs(value)) + 1e-12
        spread = abs(log((self.quick + tiny) / (self.moves + tiny)))
        sizes = (
            abs(value - self.level) / (self.scale + tiny), abs(self.fast - self.level) / (self.scale + tiny), spread,
            abs(self.off) / (self.scale + tiny),
        )  # fmt: skip
        surprises = [tail.surprise(size) for tail, size in zip(self.tails, sizes, strict=True)]
        most = max(surprises)
        return VIEWS[surprises.index(most)], most

    def _learn(self, at: float, value: float) -> None:
        self.seen += 1.0
        rate = max(1.0 / self.seen, 0.002)
        off = value - self.level
        self.level += rate * off
        self.scale += rate * (abs(off) - self.scale)
        self.moves += rate * (abs(value - self.value) - self.moves)
        self.interval += max(1.0 / self.seen, 0.05) * (max(0.0, at - self.last) - self.interval)
        self.last, self.value = at, value

    def dumps(self) -> bytes:
        """Return the whole state; what `loads` makes of it goes on exactly as this one would."""
        parts = [self.rhythm.numbers(), *(tail.numbers() for tail in self.tails)]
        numbers = [*(getattr(self, name) for name in SCALARS), *chain.from_iterable(parts)]
        return struct.pack(f"<B{len(numbers)}d", VERSION, *numbers)

    @classmethod
    def loads(cls, state: bytes) -> Detector:
        """Return the detector that was stored; raise ValueError when it is of another version or not one at all."""
        made = cls()
        if len(state) != len(made.dumps()) or state[0] != VERSION:
            raise ValueError("not the state of a detector of this version")
        numbers = iter(struct.unpack(f"<{len(state) // 8}d", state[1:]))
        for name in SCALARS:
            setattr(made, name, next(numbers))
        made.rhythm.restore(numbers)
        for tail in made.tails:
            tail.restore(numbers)
        return made
