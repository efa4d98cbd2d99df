"""Make one time, or two to compare, of the phrases of time in a question. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from insights.questions.grammar.calendar import Days
from insights.questions.grammar.times import DOUBTFUL_HOURS, Anchor, Phrase, TimeReader
from insights.questions.query import AskBack, Span


@dataclass(frozen=True, slots=True)
class Times:
    """The time of a question: a span, and another one to compare it with, or a moment; or nothing."""

    span: Span | None = None
    against: Span | None = None
    at: datetime | None = None


def times_of(phrases: Sequence[Phrase], reader: TimeReader) -> Times:
    """Return the time that phrases mean together. Raises AskBack where they do not fit, or mean the future."""
    if not phrases:
        return Times()
    phrases = _joined(phrases)
    if len(phrases) == 1:
        return _of_one(phrases[0], reader)
    found = [_of_one(phrase, reader) for phrase in phrases]
    one, two, *more = found
    if more or one.span is None or two.span is None:
        raise AskBack("time", f"I cannot bring these together: {_quoted(phrases)}. Please name one time.")
    return Times(one.span, two.span)


def _quoted(phrases: Sequence[Phrase]) -> str:
    return ", ".join(repr(phrase.words) for phrase in phrases)


def _joined(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Return phrases in which a day that stands apart is part of the time of day that belongs to it."""
    days = [phrase for phrase in phrases if phrase.kind == "plain" and phrase.anchors[0].clock is None]
    others = [phrase for phrase in phrases if phrase not in days]
    if len(days) != 1 or len(others) != 1 or any(anchor.days for anchor in others[0].anchors):
        return list(phrases)
    other, day = others[0], days[0].anchors[0]
    if other.kind == "until":
        anchors: tuple[Anchor, ...] = (day, replace(other.anchors[0], days=day.days))
        return [Phrase("range", f"{days[0].words} {other.words}", anchors)]
    if other.kind not in ("range", "at", "since", "plain") or day.days is None:
        return list(phrases)
    return [replace(other, anchors=tuple(_on(anchor, day) for anchor in other.anchors))]


def _on(anchor: Anchor, day: Anchor) -> Anchor:
    """Return a time of day on a day, in its afternoon where that was said."""
    clock, days = anchor.clock, day.days
    if clock is None or not anchor.is_bare or day.part is None or days is None:
        return replace(anchor, days=days)
    if day.part[1] > 24 and clock.hour <= day.part[1] - 24:  # after midnight, which is on the next day
        days = Days(days.first + timedelta(days=1), days.until + timedelta(days=1))
    elif day.part[0] >= 12 and clock.hour < 12:
        clock = clock.replace(hour=clock.hour + 12)
    return replace(anchor, days=days, clock=clock, is_bare=False)


def _of_one(phrase: Phrase, reader: TimeReader) -> Times:
    now = reader.now
    if phrase.kind == "ever":
        return Times(Span(None, None))
    if phrase.kind == "rolling":
        return Times(Span(now - phrase.length, now))
    if phrase.kind == "ago":
        return Times(at=now - phrase.length)
    if phrase.kind == "range":
        return Times(_range(phrase, reader))
    anchor = phrase.anchors[0]
    if phrase.kind == "since":
        return Times(_checked(_begin(anchor, phrase, reader), now, phrase, now))
    if phrase.kind == "until":
        raise AskBack("time", f"From when on, {phrase.words}?", phrase.words)
    if anchor.clock is not None:
        moment = _begin(anchor, phrase, reader)
        if moment > now:
            raise _future(phrase)
        return Times(at=moment)
    return Times(_checked(_begin(anchor, phrase, reader), _end(anchor, phrase, reader), phrase, now))


def _range(phrase: Phrase, reader: TimeReader) -> Span:
    first, second = phrase.anchors
    if first.days is None and second.days is not None and (first.clock or first.part):
        first = replace(first, days=second.days)
    if second.days is None and first.days is not None and (second.clock or second.part):
        second = replace(second, days=first.days)
    if first.is_bare and not second.is_bare and second.clock is not None and first.clock is not None:
        first = replace(first, is_bare=False)  # "between 2 and 4 pm", "from 8 to 9:30"
        if second.clock.hour >= 12 and first.clock and first.clock.hour + 12 < second.clock.hour:
            first = replace(first, clock=first.clock.replace(hour=first.clock.hour + 12))
    begin = _begin(first, phrase, reader)
    end = _begin(second, phrase, reader) if second.clock is not None or second.is_now else _end(second, phrase, reader)
    if end <= begin:
        raise AskBack("time", f"That time ends before it begins: {phrase.words}.", phrase.words)
    return _checked(begin, end, phrase, reader.now)


def _begin(anchor: Anchor, phrase: Phrase, reader: TimeReader) -> datetime:
    if anchor.is_now:
        return reader.now
    days = anchor.days or Days(reader.today, reader.today + timedelta(days=1))
    if anchor.clock is not None:
        if days.until - days.first != timedelta(days=1):
            raise AskBack("time", f"On which day do you mean: {phrase.words}?", phrase.words)
        if anchor.is_bare and anchor.clock.hour in DOUBTFUL_HOURS:
            hour = anchor.clock.hour
            raise AskBack(
                "time", f"Is {hour} in the morning or in the afternoon?", str(hour), (f"{hour} am", f"{hour} pm")
            )
        if anchor.clock == time() and anchor.days is not None:
            raise AskBack("time", f"Which midnight do you mean: {phrase.words}?", phrase.words)
        return datetime.combine(days.first, anchor.clock, reader.zone)
    if anchor.part is not None:
        return datetime.combine(days.first, time(anchor.part[0]), reader.zone)
    return days.begin(reader.zone)


def _end(anchor: Anchor, phrase: Phrase, reader: TimeReader) -> datetime:
    days = anchor.days or Days(reader.today, reader.today + timedelta(days=1))
    if anchor.part is None:
        return days.end(reader.zone)
    if days.until - days.first != timedelta(days=1):
        raise AskBack("time", f"On which day do you mean: {phrase.words}?", phrase.words)
    over, hour = divmod(anchor.part[1], 24)
    return datetime.combine(days.first + timedelta(days=over), time(hour), reader.zone)


def _checked(begin: datetime, end: datetime, phrase: Phrase, now: datetime) -> Span:
    if begin >= now:
        raise _future(phrase)
    return Span(begin, min(end, now))


def _future(phrase: Phrase) -> AskBack:
    return AskBack("future", f"{phrase.words!r} is still to come, and I answer about what was measured.", phrase.words)
