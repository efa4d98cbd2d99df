"""Make a summary: gather facts, word them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from insights.facts.fact import Fact, ModelFacts
from insights.facts.gathering import DAY, facts
from insights.summaries.narration import narrate

TEMPLATE = "template"  # the engine that needs no language model
LONGEST = timedelta(days=3_660)  # of a window


@dataclass(frozen=True, slots=True)
class Summary:
    """A text, the facts that it rests on, when it was made, and by which engine."""

    text: str
    found: tuple[ModelFacts, ...]
    generated_at: datetime
    engine: str = TEMPLATE

    @property
    def facts(self) -> list[Fact]:
        """Return the facts of all models."""
        return [fact for one in self.found for fact in one.facts]

    @property
    def readings(self) -> int:
        """Return how many readings it rests on."""
        return sum(int(fact.value or 0) for one in self.found if (fact := one.get("readings")))


def summary(
    *,
    now: datetime,
    length: timedelta = DAY,
    model: str | None = None,
    device: str | None = None,
    tag: str | None = None,
) -> Summary:
    """Return what happened in a window that ends now.

    Blocks for the database. Raises history.Unanswerable for what does not exist, selectors.TooSlow.
    """
    found = facts(now=now, length=min(length, LONGEST), model=model, device=device, tag=tag)
    return Summary(narrate(found).text, tuple(found), now)


def told(fact: Fact) -> dict[str, Any]:
    """Return a fact as the API, the command and stored summaries have it."""
    return {
        "name": fact.name,
        "label": fact.label,
        "value": fact.value,
        "unit": fact.unit,
        "model": fact.model,
        "field": fact.field,
        "device": fact.device,
        "at": fact.at.isoformat() if fact.at else None,
        "when": fact.when,
        "start": fact.window.start.isoformat(),
        "end": fact.window.end.isoformat(),
        "readings": fact.readings,
        "sql": fact.sql,
    }
