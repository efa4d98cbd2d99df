"""What sentences are made of: numbers of facts, rounded, and a note of each that was said. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from insights.facts.fact import Fact, ModelFacts
from insights.facts.times import clock
from insights.symbols import rounded, with_unit

LONGEST_NAME = 60  # characters of a field's label in a sentence


@dataclass(frozen=True, slots=True)
class Said:
    """A number in a text: the fact, the words, and by what it was divided and how it was rounded before."""

    fact: Fact
    text: str
    decimals: int
    divisor: float = 1.0
    absolute: bool = False


class Teller:
    """Words numbers of the facts of a model, and remembers which."""

    def __init__(self, facts: ModelFacts) -> None:
        self.facts = facts
        self.said: list[Said] = []

    def number(self, fact: Fact, decimals: int = 0, *, absolute: bool = False) -> str:
        """Return the number of a fact, rounded, without its unit."""
        value = fact.value or 0.0
        text = rounded(abs(value) if absolute else value, decimals)
        self.said.append(Said(fact, text, decimals, absolute=absolute))
        return text

    def measured(self, fact: Fact, decimals: int, *, absolute: bool = False) -> str:
        """Return the number of a fact with its unit."""
        return with_unit(self.number(fact, decimals, absolute=absolute), fact.unit)

    def duration(self, fact: Fact) -> str:
        """Return a length of time, of a fact in seconds, in a unit that suits it."""
        seconds = float(fact.value or 0.0)
        for size, word in ((86_400.0, "days"), (3_600.0, "hours"), (60.0, "minutes"), (1.0, "seconds")):
            if seconds >= 2 * size or size == 1.0:
                text = rounded(seconds / size, 1 if size > 60 else 0)
                self.said.append(Said(fact, text, 1 if size > 60 else 0, size))
                return f"{text} {word}"
        raise AssertionError("seconds fit everything")

    def clock(self, fact: Fact) -> str:
        """Return when something was, in the zone of the facts."""
        return clock(fact.at, self.facts.about.zone, self.facts.window) if fact.at else ""


def name_of(label: str) -> str:
    """Return a label as it begins a sentence."""
    plain = " ".join(label.replace("_", " ").split())[:LONGEST_NAME]
    return plain[:1].upper() + plain[1:]


def inside_name(label: str) -> str:
    """Return a label as it stands within a sentence: small, but for abbreviations such as CO2."""
    name = name_of(label)
    return name if len(name) > 1 and name[1].isupper() else name[:1].lower() + name[1:]


def plural(fact: Fact) -> str:
    """Return the s of more than one."""
    return "" if fact.value == 1 else "s"
