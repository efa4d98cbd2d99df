"""Decide which kind of query a question is, by its features; what does not fit together is asked back. Pure."""

from __future__ import annotations

from collections.abc import Callable

from insights.questions.grammar.ground import HIGH, LOW, Ground
from insights.questions.grammar.scope import models_in, the_sender, wanted_fields, wanted_senders
from insights.questions.query import AskBack, Kind, Measure, Query

TENSE = {"present", "past"}
# What may stand in a question of each kind besides its tense; anything else makes it doubtful.
ALLOWED: dict[str, set[str]] = {
    "correlate": {"correlate"},
    "compare": {"compare", "difference", "than", "higher", "lower", "average", "maximum", "minimum", "now", "how"},
    "list": {"list", "how_many", "which", "models", "tags", "fields", "online", "late", "offline", "now"},
    "times": {"times"},
    "readings": {"readings"},
    "duration": {"duration"},
    "when": {"when", "seen", "last_time", "first", "now", "maximum", "minimum", "extreme_high", "extreme_low"},
    "rank": {"rank", "which", "top", "bottom", "extreme_high", "extreme_low", "maximum", "minimum", "average", "now",
             "list"},
    "trend": {"trend", "up", "down", "now"},
    "measured": {"average", "maximum", "minimum", "sum", "extreme_high", "extreme_low", "how", "list"},
    "last": {"now", "how", "list"},
}  # fmt: skip


class Decision(Ground):
    """Decides on the query."""

    def query(self) -> Query:
        """Return the query. Raises AskBack."""
        kind = self._kind()
        odd = self.features.names - ALLOWED[kind] - TENSE
        if odd:
            raise AskBack("unclear", "I am not sure what you ask for. Please ask for one thing at a time.")
        made: dict[str, Callable[[], Query]] = {
            "correlate": self._correlate, "compare": self._compare, "list": self._list, "times": self._times,
            "readings": self._readings, "duration": self._duration, "when": self._when, "rank": self._rank,
            "trend": self._trend, "measured": self._measured, "last": self._last,
        }  # fmt: skip
        if self.meanings.limit is not None and kind not in ("times", "duration", "when"):
            raise self.which_of_limit()
        if self.meanings.times.against is not None and kind != "compare":
            raise AskBack("time", "You name two times. Ask to compare them, or about one of them.")
        return made[kind]()

    def _kind(self) -> str:
        has = self.features.has
        order = (
            ("correlate", has("correlate")), ("times", has("times")), ("readings", has("readings")),
            ("duration", has("duration")), ("when", has("when", "seen", "last_time")),
            ("compare", has("compare", "than", "difference")),
            ("list", self._is_list()), ("rank", has("rank", "top", "bottom", "which")),
            ("trend", has("trend", "up", "down")),
            ("measured", has("average", "sum", *HIGH, *LOW)),
        )  # fmt: skip
        return next((kind for kind, there in order if there), "last")

    def _is_list(self) -> bool:
        if self.meanings.fields or self.meanings.adjectives or self.features.has("average", "sum", *HIGH, *LOW):
            return False
        return self.features.has("list", "how_many", "which", "models", "tags", "fields", "online", "offline", "late")

    def _correlate(self) -> Query:
        fields = wanted_fields(self.meanings, self.vocabulary, 2)
        if fields[0].split(".")[0] != fields[1].split(".")[0]:
            raise AskBack("unclear", "I can correlate two fields of the same device only.")
        devices = the_sender(fields[0], self.meanings, self.vocabulary, several=False)
        self.numeric(fields[0])
        self.numeric(fields[1])
        return self.made("correlate", fields, devices)

    def _compare(self) -> Query:
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        self.numeric(field)
        senders = [device.name for device in wanted_senders(field, self.meanings, self.vocabulary)]
        times, named = self.meanings.times, tuple(self.meanings.devices)
        measure = self.measure() or "average"
        if times.against is not None:
            if len(named) > 1:
                raise AskBack("unclear", "I can compare two devices, or two times, but not both at once.")
            return self.made("compare", (field,), named, measure=measure, against=times.against)
        if len(named) == 2:
            is_now = times.span is None and not self.measure() and "past" not in self.features.names
            if is_now and self.features.has("than", "now"):
                return self.made("compare", (field,), named, measure="last", spanned=False)
            return self.made("compare", (field,), named, measure=measure)
        if len(named) == 1 or self.features.has("than") or len(senders) < 2:
            raise AskBack("unclear", "What shall I compare with what? Name two devices, or two times.")
        return self.made("rank", (field,), named, measure=measure, order="highest")

    def _list(self) -> Query:
        if self.meanings.times.span is not None or self.meanings.times.at is not None:
            raise AskBack("unclear", "I can list what there is now, and not what there was at another time.")
        about = next((name for name in ("models", "fields", "tags") if self.features.has(name)), "devices")
        if about != "devices" and self.features.status:
            raise AskBack("unclear", f"Only devices are {self.features.status}.")
        return Query(
            kind="list", about=about, models=tuple(self.meanings.models), tags=tuple(self.meanings.tags),  # type: ignore[arg-type]
            devices=tuple(self.meanings.devices), status=self.features.status, zone=self.zone,
        )  # fmt: skip

    def _times(self) -> Query:
        field, devices = self.of_limit()
        return self.made("count", (field,), devices, measure="times", condition=self.condition(field))

    def _readings(self) -> Query:
        if self.meanings.fields or self.meanings.adjectives:
            (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
            wanted_senders(field, self.meanings, self.vocabulary)
            return self.made("count", (field,), tuple(self.meanings.devices), measure="readings")
        models = tuple(models_in(self.meanings, self.vocabulary))
        return self.made("count", (), tuple(self.meanings.devices), measure="readings", models=models)

    def _duration(self) -> Query:
        field, devices = self.of_limit()
        return self.made("duration", (field,), devices, condition=self.condition(field))

    def _when(self) -> Query:
        if self.meanings.limit is not None:
            field, devices = self.of_limit()
            is_first, is_last = self.features.has("first"), self.features.has("now", "last_time")
            if is_first == is_last or self.features.has(*HIGH, *LOW):
                raise AskBack("unclear", "The first time, or the last time?", "when", ("when first", "when last"))
            span = self.meanings.times.span is not None
            measure: Measure = "first" if is_first else "last"
            return self.made("when", (field,), devices, measure=measure, condition=self.condition(field), spanned=span)
        extreme = self.extreme()
        if extreme is None:
            return self._seen()
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        self.numeric(field)
        wanted_senders(field, self.meanings, self.vocabulary)
        if self.features.has("now", "first", "seen", "last_time"):
            raise AskBack("unclear", "Do you ask for the highest or lowest value, or for the first or last time?")
        return self.made("when", (field,), tuple(self.meanings.devices), measure=extreme)

    def _seen(self) -> Query:
        if self.meanings.times.span or not self.features.has("seen", "now", "last_time") or self.features.has("first"):
            raise AskBack(
                "unclear", "When what? Ask for the highest or lowest value, or for the last time above a value."
            )
        if len(self.meanings.devices) != 1:
            raise AskBack("which_device", "Which device do you mean?")
        return self.made("when", (), tuple(self.meanings.devices), measure="seen", spanned=False)

    def _rank(self) -> Query:
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        self.numeric(field)
        wanted_senders(field, self.meanings, self.vocabulary)
        high, low = self.features.has(*HIGH), self.features.has(*LOW)
        has_time = self.meanings.times.span is not None
        if (high and low) or not (high or low or self.features.has("rank")):
            raise AskBack("unclear", "The highest or the lowest?")
        measure: Measure = "minimum" if low else "maximum"
        if self.features.has("average"):
            measure = "average"
        elif self.features.has("now") or (
            not has_time and "past" not in self.features.names and not self.features.has("rank")
        ):
            measure = "last"
        if measure == "last" and has_time:
            raise AskBack("unclear", "The newest values, or those of that time?")
        return self.made(
            "rank", (field,), tuple(self.meanings.devices), measure=measure, order="lowest" if low else "highest",
            limit=self.features.count, spanned=measure != "last",
        )  # fmt: skip

    def _trend(self) -> Query:
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        self.numeric(field)
        return self.made("trend", (field,), the_sender(field, self.meanings, self.vocabulary, several=False))

    def _measured(self) -> Query:
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        self.numeric(field)
        wanted_senders(field, self.meanings, self.vocabulary)
        measure = self.measure()
        if measure is None or self.meanings.times.at is not None:
            raise AskBack("unclear", "Over which time? At one moment there is only one value.")
        if measure == "sum" and any(concept.nouns[0] == "odometer" for concept in self.concepts(field)):
            raise AskBack("unclear", "That field counts up by itself, so its sum says nothing.", "", ("current",))
        if self.meanings.is_each and not self.meanings.devices:
            if measure == "sum":
                raise AskBack("unclear", "I can add up one device, or all of them together.")
            return self.made(
                "rank", (field,), (), measure=measure, order="lowest" if measure == "minimum" else "highest"
            )
        known: Kind = measure  # type: ignore[assignment]  # the four that _measure returns are kinds as well
        return self.made(known, (field,), tuple(self.meanings.devices))

    def _last(self) -> Query:
        (field,) = wanted_fields(self.meanings, self.vocabulary, 1)
        if self.meanings.times.span is not None:
            choices = ("average", "highest", "lowest")
            raise AskBack("which_measure", "The average, the highest or the lowest value of that time?", "", choices)
        devices = the_sender(field, self.meanings, self.vocabulary, several=True)
        return self.made("last", (field,), devices, spanned=False, end=self.meanings.times.at)
