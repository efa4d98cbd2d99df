"""Phrases of time: read them wherever they stand, one by one. `combining` makes one time of them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from insights.questions.grammar.calendar import DAY, NIGHT, PART, PARTS, Days, days_of
from insights.questions.query import AskBack

UNITS = {
    "second": 1,
    "minute": 60,
    "hour": 3_600,
    "day": 86_400,
    "week": 604_800,
    "month": 2_592_000,
    "year": 31_536_000,
}
_UNIT = "seconds?|secs?|minutes?|mins?|hours?|hrs?|h|days?|weeks?|months?|years?"
CLOCK = re.compile(
    r"(?P<word>noon|midday|midnight)\b|(?P<hour>\d{1,2})(?::(?P<minute>\d{2})(?::\d{2})?)?"
    r"(?P<half> ?(?:am|pm|oclock)\b)?(?![\d.:/])"
)
ROLLING = re.compile(
    rf"(?:the )?(?:(?:last|past|previous|recent) (?P<count>\d+(?:\.\d+)?) (?P<unit>{_UNIT})"
    rf"|(?:last|past|previous) (?P<short>second|minute|hour|day)|past (?P<long>week|month|year))\b"
)
AGO = re.compile(rf"(?P<count>\d+(?:\.\d+)?|an?) (?P<unit>{_UNIT}) ago\b")
EVER = re.compile(
    r"(?:ever|of all times?|all times?|at any time|so far|since the (?:beginning|start)|from the beginning)\b"
)
OPENING = re.compile(
    r"(?P<range>from|between)\b|(?P<since>since|after)\b|(?P<until>until|till|before|up to)\b|(?P<at>at)\b"
)
MIDDLE = re.compile(r"[ |]*(?:to|until|till|and|through|-)[ |]+")
GLUE = re.compile(r"[ |]*\b(?:at|on|of|in|the|about|around)\b ")
NOW = re.compile(r"now\b")
# What a number after "at", "from" or "since" is when it is no hour.
NO_HOUR = re.compile(r" ?(?:%|°|km|kilom|mph|m/|percent|degree|celsius|volt|meter|metre|times|readings)")
DOUBTFUL_HOURS = range(1, 7)  # at five: in the morning or in the afternoon?


@dataclass(frozen=True, slots=True)
class Anchor:
    """A moment or a day, as far as it is named. `is_bare` is an hour of which nobody said which half of the day."""

    days: Days | None = None
    part: tuple[int, int] | None = None
    clock: time | None = None
    is_bare: bool = False
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class Phrase:
    """A phrase of time: its kind, the anchors or the length that it names, and its words."""

    kind: Literal["rolling", "ago", "ever", "range", "since", "until", "at", "plain"]
    words: str
    anchors: tuple[Anchor, ...] = ()
    length: timedelta = timedelta()


@dataclass
class TimeReader:
    """Reads phrases of time in a text; `now` is in the zone that days are meant in."""

    now: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        """Return the day that it is."""
        return self.now.date()

    def phrases(self, rest: str) -> tuple[list[Phrase], str]:
        """Return the phrases of a text in their order, and the text without them."""
        found, place = [], 0
        while place < len(rest):
            if place == 0 or rest[place - 1] in " |":
                read = self._phrase(rest, place)
                if read is not None:
                    phrase, end = read
                    found.append(phrase)
                    rest = f"{rest[:place]}|{rest[end:]}"
            place += 1
        return found, rest

    def _phrase(self, rest: str, place: int) -> tuple[Phrase, int] | None:
        if found := ROLLING.match(rest, place):
            count = float(found["count"] or 1)
            return Phrase(
                "rolling", found[0], length=_length(count, found["unit"] or found["short"] or found["long"])
            ), found.end()
        if (found := AGO.match(rest, place)) and not found["unit"].startswith(("d", "mo", "y", "w")):
            count = 1.0 if found["count"].startswith("a") else float(found["count"])
            return Phrase("ago", found[0], length=_length(count, found["unit"])), found.end()
        if found := EVER.match(rest, place):
            return Phrase("ever", found[0]), found.end()
        if found := OPENING.match(rest, place):
            return self._opened(found, rest)
        read = self._anchor(rest, place, may_be_bare=False)
        return None if read is None else (Phrase("plain", rest[place : read[1]], (read[0],)), read[1])

    def _opened(self, opening: re.Match[str], rest: str) -> tuple[Phrase, int] | None:
        begin = opening.end() + 1
        read = self._anchor(rest, begin, may_be_bare=True)
        if read is None:
            return None
        first, end = read
        kind = opening.lastgroup
        if kind != "range":
            known: Literal["since", "until", "at"] = (
                "since" if kind == "since" else "until" if kind == "until" else "at"
            )
            return Phrase(known, rest[opening.start() : end], (first,)), end
        middle = MIDDLE.match(rest, end)
        second = self._anchor(rest, middle.end(), may_be_bare=True) if middle else None
        if second is None:
            if opening[0] == "from":  # "from yesterday", as in "the speed from yesterday"
                return Phrase("plain", rest[opening.start() : end], (first,)), end
            return None
        return Phrase("range", rest[opening.start() : second[1]], (first, second[0])), second[1]

    def _anchor(self, rest: str, place: int, *, may_be_bare: bool) -> tuple[Anchor, int] | None:
        """Return what is named from a place on, and where it ends; a number alone is an hour where `may_be_bare`."""
        days: Days | None = None
        part: tuple[int, int] | None = None
        clock: re.Match[str] | None = None
        end = place
        if may_be_bare and (found := NOW.match(rest, place)):
            return Anchor(is_now=True), found.end()
        while True:
            at = _after_glue(rest, end) if end > place else place
            if days is None and (night := NIGHT.match(rest, at)):
                back = 1 if night["last_night"] else 0
                first = self.today - timedelta(days=back)
                days, part, end = (
                    Days(first, first + timedelta(days=1)),
                    PARTS["night"] if back else (18, 30),
                    night.end(),
                )
            elif days is None and (day := DAY.match(rest, at)):
                days, end = days_of(day, self.today), day.end()
            elif part is None and (named := PART.match(rest, at)):
                part, end = PARTS[named["part"]], named.end()
            elif clock is None and (hour := _clock(rest, at, may_be_bare or (days is not None and at > place))):
                clock, end = hour, hour.end()
            else:
                break
        if end == place:
            return None
        return _anchor_of(days, part, clock), end


def _after_glue(rest: str, end: int) -> int:
    glue = GLUE.match(rest, end)
    while glue:
        end = glue.end()
        glue = GLUE.match(rest, end)
    return end + (rest[end : end + 1] == " ")


def _clock(rest: str, place: int, may_be_bare: bool) -> re.Match[str] | None:
    found = CLOCK.match(rest, place)
    if found is None or found["word"] or found["minute"] or found["half"]:
        return found
    if not may_be_bare or int(found["hour"]) > 24 or NO_HOUR.match(rest, found.end()):
        return None
    return found


def _anchor_of(days: Days | None, part: tuple[int, int] | None, clock: re.Match[str] | None) -> Anchor:
    if clock is None:
        return Anchor(days, part)
    if clock["word"]:
        return Anchor(days, None, time(0 if clock["word"] == "midnight" else 12))
    hour, minute = int(clock["hour"]), int(clock["minute"] or 0)
    half = (clock["half"] or "").strip()
    is_bare = not half and clock["minute"] is None and part is None
    if half in ("am", "pm") and 1 <= hour <= 12:
        hour = hour % 12 + 12 * (half == "pm")
    elif part is not None and part[1] > 24 and hour <= part[1] - 24:
        raise AskBack("time", f"Which night do you mean? Name the day, and {hour}:00.", clock[0])
    elif part is not None and part[0] >= 12 and hour < 12:
        hour += 12
    if hour > 23 or minute > 59:
        raise AskBack("time", f"There is no such time of day: {clock[0]}.", clock[0])
    return Anchor(days, None, time(hour, minute), is_bare=is_bare)


def _length(count: float, unit: str) -> timedelta:
    name = next(name for name in UNITS if name[:2] == unit[:2] or name[0] == unit)
    return timedelta(seconds=min(count * UNITS[name], 100 * UNITS["year"]))
