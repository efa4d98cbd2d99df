"""What all decisions about a question start from: what it names, and what is measured of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from insights.questions.grammar.features import Features
from insights.questions.grammar.fields import concepts_of
from insights.questions.grammar.lexicon import Concept
from insights.questions.grammar.meanings import Meanings
from insights.questions.grammar.scope import NUMERIC, checked_condition, the_sender, wanted_fields
from insights.questions.query import AskBack, Condition, Kind, Measure, Query, Span
from insights.questions.vocabulary import Vocabulary

DEFAULT_SPAN = timedelta(hours=24)  # of a question that names no time; the answer says so
HIGH, LOW = ("maximum", "extreme_high", "top"), ("minimum", "extreme_low", "bottom")


@dataclass(frozen=True)
class Ground:
    """A question whose words are all understood, `now`, and the zone of its days."""

    meanings: Meanings
    features: Features
    vocabulary: Vocabulary
    now: datetime
    zone: str

    def of_limit(self) -> tuple[str, tuple[str, ...]]:
        """Return the field and the devices that a condition is about. Raises AskBack."""
        if self.meanings.limit is None:
            raise AskBack("condition", "Above or below what? Say for example: above 30.")
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        return field, the_sender(field, self.meanings, self.vocabulary, several=True)

    def measure(self) -> Measure | None:
        """Return the measure that is asked for, None when there is none. Raises AskBack for several."""
        found: list[Measure] = []
        if self.features.has("average"):
            found.append("average")
        if self.features.has("sum"):
            found.append("sum")
        extreme = self.extreme()
        found += [extreme] if extreme else []
        if len(found) > 1:
            raise AskBack("unclear", f"Which of these: {' or '.join(found)}?", "", tuple(found))
        return found[0] if found else None

    def extreme(self) -> Measure | None:
        """Return whether the highest or the lowest value is asked for."""
        high, low = self.features.has(*HIGH), self.features.has(*LOW)
        if high and low:
            raise AskBack("unclear", "The highest or the lowest?")
        return "maximum" if high else "minimum" if low else None

    def condition(self, field: str) -> Condition | None:
        """Return the condition in the unit of a field."""
        return checked_condition(field, self.meanings, self.vocabulary)

    def which_of_limit(self) -> AskBack:
        """Return the question what is wanted of a condition."""
        words = self.meanings.limit.words if self.meanings.limit else ""
        choices = ("how long", "how many times", "when last")
        return AskBack(
            "unclear", f"Do you want to know how long, how many times or when it was {words!r}?", "", choices
        )

    def concepts(self, name: str) -> list[Concept]:
        """Return what a field measures."""
        known = self.vocabulary.field(name)
        return concepts_of(known.name, known.label)

    def numeric(self, name: str) -> None:
        """Raise AskBack for a field that is no number."""
        known = self.vocabulary.field(name)
        if known.kind not in NUMERIC:
            raise AskBack(
                "kind", f"{known.label or known.name} is no number ({known.kind}): I can tell its last value."
            )

    def made(
        self, kind: Kind, fields: tuple[str, ...], devices: tuple[str, ...], *, spanned: bool = True, **more: Any
    ) -> Query:
        """Return a query with the time of the question, or with the last day where it needs one and none was named."""
        times = self.meanings.times
        if times.at is not None and kind != "last":
            raise AskBack("time", "You name a moment. Name a time from when to when.")
        span = times.span or Span(self.now - DEFAULT_SPAN, self.now)
        if spanned:
            more |= {"start": span.start, "end": span.end, "is_default_span": times.span is None}
        tags = () if devices else tuple(self.meanings.tags)
        return Query(kind=kind, fields=fields, devices=devices, tags=tags, zone=self.zone, **more)
