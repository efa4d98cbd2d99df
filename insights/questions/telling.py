"""Word the result of a query, by templates. Every number in a sentence is one of the result. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from insights.questions import wording
from insights.questions.query import Query, Span
from insights.questions.results import Result
from insights.questions.vocabulary import Vocabulary, in_words
from validation.spec import FieldSpec

OPERATORS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}
EXTREMES = {"maximum": "highest", "minimum": "lowest"}
STRONG, MODERATE, WEAK = 0.7, 0.4, 0.2  # of a correlation: usual words for its size (Evans 1996, rounded)
# A line that explains less of the variance than this is no trend.
EXPLAINS = 0.1
STALE_S = 3_600.0  # a newest value older than this is said to be old
MOST_TOLD = 6  # devices in a sentence; the table has them all


@dataclass(frozen=True)
class Telling:
    """A query with its result, as sentences."""

    query: Query
    result: Result
    vocabulary: Vocabulary
    now: datetime

    def sentences(self) -> str:
        """Return the answer, or that there is not enough data for one."""
        if self.result.is_empty:
            return self._not_enough()
        return TEMPLATES[self.query.kind](self)

    @property
    def field(self) -> FieldSpec:
        """Return the field of the query."""
        return self.vocabulary.field(self.query.fields[0])

    @property
    def label(self) -> str:
        """Return what the field is called, in a sentence."""
        label = self.field.label or self.field.name.replace("_", " ")
        return label[:1].lower() + label[1:] if label[1:2].islower() else label

    def amount(self, value: float | None) -> str:
        """Return a value of the field with its unit."""
        return "no value" if value is None else wording.number(value, self.field.unit)

    def when(self, at: datetime | None) -> str:
        """Return a moment in words, with its zone."""
        return f"{wording.moment(at, self.query.zone, self.now)} ({self.query.zone})" if at else "at an unknown time"

    def span(self) -> str:
        """Return the time of the query in words."""
        return wording.span(Span(self.query.start, self.query.end), self.query, self.now)

    def who(self) -> str:
        """Return the devices of the query in words."""
        query = self.query
        if query.devices:
            return " and ".join(query.devices) if len(query.devices) < 3 else in_words(query.devices)
        if query.tags:
            return f"the devices tagged {in_words(query.tags)}"
        models = query.models or tuple(dict.fromkeys(name.split(".")[0] for name in query.fields))
        return f"all devices of {in_words(models)}" if models else "all devices"

    def limit(self) -> str:
        """Return the condition of the query in words."""
        condition = self.query.condition
        return f"{OPERATORS[condition.op]} {self.amount(condition.value)}" if condition else ""

    def _not_enough(self) -> str:
        query, said = self.query, self.result.others
        if query.kind == "when" and said.get("readings"):
            words = f"the {self.label} of {self.who()} was never {self.limit()} {self.span()}"
            return wording.sentence(f"{words}, by {said['readings']:,} readings.")
        if query.kind == "correlate" and said.get("pairs"):
            pairs = f"{said['pairs']:,} pairs of values {self.span()}"
            return f"Not enough data: {pairs}, or one of the fields did not change."
        if query.kind == "last" and query.end is not None:
            return f"Not enough data: {self.who()} has no {self.label} {self.when(query.end)} or shortly before."
        if query.kind in ("last", "rank") and query.measure in (None, "last"):
            return f"Not enough data: no {self.label} has come from {self.who()} yet."
        if not query.fields:
            return f"Not enough data: nothing has come from {self.who()} yet."
        return f"Not enough data: too few readings of {self.label} of {self.who()} {self.span()}."


def _last(told: Telling) -> str:
    result, label = told.result, told.label
    if result.by_device:
        each = [f"{name} {told.amount(value) if isinstance(value, int | float) else value}"
                for name, value in result.by_device.items()]  # fmt: skip
        return f"The newest {label}: {in_words(each, MOST_TOLD)}."
    value = told.amount(result.number) if result.number is not None else result.text
    age = (told.now - result.at).total_seconds() if result.at else 0.0
    if told.query.end is not None:
        at = wording.sentence(told.when(told.query.end))
        return f"{at} the {label} of {result.winner} was {value}, measured {told.when(result.at)}."
    old = f", which is {wording.length(age)} ago" if age > STALE_S else ""
    return f"The {label} of {result.winner} is {value}, measured {told.when(result.at)}{old}."


def _measured(told: Telling) -> str:
    result, kind = told.result, told.query.kind
    name = EXTREMES.get(kind, "sum of the" if kind == "sum" else kind)
    where = ""
    if kind in EXTREMES:
        device = f"of {result.winner} " if told.query.devices != (result.winner,) else ""
        where = f", {device}{told.when(result.at) if result.at else ''}".rstrip(", ")
    together = f" of {result.others['devices']:,} devices together" if result.others["devices"] > 1 else ""
    return (
        f"The {name} {told.label} of {told.who()} {told.span()} was {told.amount(result.number)}{where} "
        f"({result.others['readings']:,} readings{together})."
    )


def _count(told: Telling) -> str:
    number = wording.number(told.result.number or 0)
    if told.query.measure == "readings":
        of = f" of {told.label}" if told.query.fields else ""
        who = told.who() if told.query.devices else wording.sentence(told.who())
        return f"{who} sent {number} readings{of} {told.span()}."
    times = "once" if number == "1" else "never" if number == "0" else f"{number} times"
    return (
        f"The {told.label} of {told.who()} went {told.limit()} {times} {told.span()} "
        f"({told.result.others['readings']:,} readings)."
    )


def _when(told: Telling) -> str:
    result, query = told.result, told.query
    if query.measure == "seen":
        age = (told.now - result.at).total_seconds() if result.at else 0.0
        return f"{result.winner} was last heard of {told.when(result.at)}, {wording.length(age)} ago."
    value = told.amount(result.others["value"])
    if query.condition is not None:
        return (
            f"The {told.label} of {result.winner} was {query.measure} {told.limit()} {told.when(result.at)}: {value}."
        )
    word = EXTREMES[query.measure or "maximum"]
    return (
        f"The {told.label} of {result.winner} was {word} {told.when(result.at)}, with {value}, looked at {told.span()}."
    )


def _duration(told: Telling) -> str:
    seconds = told.result.number or 0.0
    runs = told.result.in_all
    times = f" in {runs:,} stretches" if runs > 1 else ""
    together = ", all of them added up" if len(told.query.devices) != 1 else ""
    found = f"for {wording.length(seconds)}{times}{together} {told.span()}"
    return f"The {told.label} of {told.who()} was {told.limit()} {found}. Gaps between readings do not count."


def _trend(told: Telling) -> str:
    slope, others = told.result.number or 0.0, told.result.others
    explained = others.get("explained") or 0.0
    hours = (others["until"] - others["from"]).total_seconds() / 3_600
    change = f"{told.amount(abs(slope))} an hour, {told.amount(abs(slope) * hours)} in all"
    name = f"The {told.label} of {told.result.winner}"
    fit = f"the line explains {100 * explained:.0f} % of the variation of {others['readings']:,} readings"
    if explained < EXPLAINS:
        return f"{name} has no clear trend {told.span()}: {fit}."
    return f"{name} {'rose' if slope > 0 else 'fell'} by {change}, {told.span()}; {fit}."


def _compare(told: Telling) -> str:
    query, others = told.query, told.result.others
    measure = {"last": "newest"}.get(query.measure or "", EXTREMES.get(query.measure or "", query.measure or "average"))
    one, two = told.amount(others["first"]), told.amount(others["second"])
    difference = told.result.number or 0.0
    than = (
        "as high as"
        if difference == 0
        else f"{told.amount(abs(difference))} {'higher' if difference > 0 else 'lower'} than"
    )
    if query.against is not None:
        second = wording.span(query.against, query, told.now)
        return f"The {measure} {told.label} of {told.who()} was {one} {told.span()}, {than} the {two} {second}."
    when = "" if query.measure == "last" else f" {told.span()}"
    first, other = query.devices
    return f"The {measure} {told.label} of {first} was {one}, {than} the {two} of {other}{when}."


def _correlate(told: Telling) -> str:
    value, others = told.result.number or 0.0, told.result.others
    size = abs(value)
    strength = "strongly" if size >= STRONG else "moderately" if size >= MODERATE else "weakly" if size >= WEAK else ""
    other = told.vocabulary.field(told.query.fields[1])
    both = f"{told.label} and {(other.label or other.name).lower()} of {told.who()}"
    found = f"{strength} {'together' if value > 0 else 'against each other'}" if strength else "hardly together"
    pairs = f"{others['pairs']:,} pairs of averages over {wording.length(others['step_s'])}"
    pairs = f"{others['pairs']:,} pairs of averages over {wording.length(others['step_s'])}"
    return (
        f"The {both} went {found} {told.span()}: correlation {wording.share(value)} (Pearson), from {pairs}. "
        "That one goes with the other does not mean that it causes it."
    )


def _rank(told: Telling) -> str:
    result, query = told.result, told.query
    word = "highest" if query.order != "lowest" else "lowest"
    name = f"{word} {told.label}" if query.measure != "average" else f"{word} average {told.label}"
    value = told.amount(result.number)
    if query.measure == "last":
        age = (told.now - result.at).total_seconds() if result.at else 0.0
        old = f", which is {wording.length(age)} ago" if age > STALE_S else ""
        when = f"measured {told.when(result.at)}{old}"
        return f"{result.winner} has the {name} of {result.others['of']:,} devices now: {value}, {when}."
    return f"{result.winner} had the {name} of {result.others['of']:,} devices {told.span()}: {value}."


def _list(told: Telling) -> str:
    query, count = told.query, told.result.in_all
    about = query.about or "devices"
    names = [str(row[about.removesuffix("s")]) for row in told.result.rows]
    of = f" of {in_words(query.models)}" if query.models else ""
    tagged = f" tagged {in_words(query.tags)}" if query.tags else ""
    state = f" {query.status}" if query.status else ""
    if not count:
        return f"There are no{state} {about}{of}{tagged}."
    noun = about if count > 1 else about.removesuffix("s")
    return f"{count:,}{state} {noun}{of}{tagged}: {in_words(names, 2 * MOST_TOLD)}."


TEMPLATES: dict[str, Callable[[Telling], str]] = {
    "last": _last, "average": _measured, "minimum": _measured, "maximum": _measured, "sum": _measured, "count": _count,
    "when": _when, "duration": _duration, "trend": _trend, "compare": _compare, "correlate": _correlate, "rank": _rank,
    "list": _list,
}  # fmt: skip
