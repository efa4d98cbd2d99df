"""Word facts: sentences from templates, each number in them a fact's, rounded. Pure.

    Average temperature remained stable at 28.7 °C with minor fluctuations between 27 °C and 30 °C. Humidity increased
    slightly after 18:00, from 58 % to 63 %.

Nothing is said that the data do not bear: few readings are only counted and bounded, a constant stays, a shape is only
told when it explains most of what happened (`insights.facts.shape`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from insights.facts.fact import Described, Fact, ModelFacts
from insights.facts.times import clock, length_words
from insights.summaries.levels import sentences_of
from insights.summaries.telling import Said, Teller, name_of, plural

NUMERIC = ("number", "integer")
MOST_NOTICED = 3
MOST_VALUES = 3  # of a field that has only some
WORTH_TELLING = 0.001  # share of readings that were refused, came again or late, below which nobody needs to know


@dataclass(frozen=True, slots=True)
class Narration:
    """A text, and every number in it with the fact that it is."""

    text: str
    said: tuple[Said, ...] = field(default=())


def narrate(found: Sequence[ModelFacts]) -> Narration:
    """Return facts of one or several models as a text, a paragraph for each model."""
    if not found:
        return Narration("No device has sent anything yet.")
    tellers = [Teller(facts) for facts in found]
    texts = [" ".join(_sentences(teller)) for teller in tellers]
    if len(found) > 1:
        texts = [f"{name_of(one.about.model)}: {text}" for one, text in zip(found, texts, strict=True)]
    return Narration("\n\n".join(texts), tuple(said for teller in tellers for said in teller.said))


def _sentences(teller: Teller) -> Iterator[str]:
    facts = teller.facts
    readings = facts.get("readings")
    span = _span(facts)
    if readings is None or not readings.value:
        yield f"No readings of {_whom(facts)} in {span}."
        return
    for described in facts.fields:
        if described.kind in NUMERIC:
            yield from sentences_of(teller, described)
        else:
            yield from _values(teller, described)
    yield from _noticed(facts)
    yield from _silences(teller)
    yield _amount(teller, readings, span)
    yield from _caveats(facts)


def _span(facts: ModelFacts) -> str:
    return f"the last {length_words(facts.window.length)}"


def _whom(facts: ModelFacts) -> str:
    about = facts.about
    if about.device is not None:
        return about.device
    return f"{about.model}" if about.tag is None else f"{about.model} with the tag {about.tag}"


def _values(teller: Teller, described: Described) -> Iterator[str]:
    """Say how often each value came, as a share where there are enough."""
    counts = [
        fact
        for fact in teller.facts.facts
        if fact.field == described.name and fact.name.startswith(f"{described.name}.is.")
    ]
    if not counts:
        return
    if len(counts) == 1:
        yield f"{name_of(described.label)} was always {counts[0].when} ({_times(teller, counts[0])})."
        return
    parts = [f"{fact.when} {_times(teller, fact)}" for fact in counts[:MOST_VALUES]]
    more = "" if len(counts) <= MOST_VALUES else ", and other values"
    yield f"{name_of(described.label)} was {', '.join(parts[:-1])} and {parts[-1]}{more}."


def _times(teller: Teller, fact: Fact) -> str:
    return f"{teller.number(fact)} time{plural(fact)}"


def _noticed(facts: ModelFacts) -> Iterator[str]:
    for one in facts.noticed[:MOST_NOTICED]:
        yield f"{one.device}: {one.sentence.rstrip('.')}."
    left = len(facts.noticed) - MOST_NOTICED
    if left > 0:
        yield "More was noticed than is told here."


def _silences(teller: Teller) -> Iterator[str]:
    facts = teller.facts
    count, longest, devices = (facts.get(name) for name in ("silences", "silences.longest", "silences.devices"))
    if count is None or longest is None or devices is None:
        return
    how_long = teller.duration(longest)
    since = f" from {teller.clock(longest)}" if longest.at else ""
    if facts.about.device is not None:
        many = "once" if count.value == 1 else f"{teller.number(count)} times"
        yield (
            f"It was silent {many}, the longest time for {how_long}{since}."
            if count.value != 1
            else (f"It was silent once, for {how_long}{since}.")
        )
        return
    who = f"{teller.number(devices)} device{plural(devices)} fell silent"
    many = f"{teller.number(count)} time{plural(count)} in all"
    yield f"{who}, {many}; the longest was {longest.device} for {how_long}{since}."


def _amount(teller: Teller, readings: Fact, span: str) -> str:
    facts = teller.facts
    heard = facts.get("devices")
    whose = f"of {facts.about.device} " if facts.about.device is not None else ""
    if heard is not None and facts.about.device is None:
        whose = f"of {teller.number(heard)} device{plural(heard)} "
        if facts.about.tag is not None:
            whose += f"with the tag {facts.about.tag} "
    parts = []
    for name, words in (("quarantined", "refused"), ("duplicates", "repeated"), ("late", "late")):
        fact = facts.get(name)
        share = float(fact.value or 0) / float(readings.value or 1) if fact is not None else 0.0
        # Where most came late they were imported or replayed, and nobody has missed them.
        if fact is not None and share >= WORTH_TELLING and not (name == "late" and share > 1 / 2):
            parts.append(f"{teller.number(fact)} {words}")
    besides = f"; {', '.join(parts)}" if parts else ""
    since = ""
    if facts.since is not None:
        since = f", none of them before {clock(facts.since, facts.about.zone, facts.window)}"
    return f"{teller.number(readings)} reading{plural(readings)} {whose}in {span}{since}{besides}."


def _caveats(facts: ModelFacts) -> Iterator[str]:
    if facts.more_fields:
        yield "The model has more fields than are told here."
    if facts.recomputing:
        yield "Some minutes are being computed anew, because readings came late."
