"""What a proposal is: a draft of a model, and for each field what it was made from."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from validation.propose.traffic import MAX_BYTES, Message
from validation.spec import Kind, ModelSpec

SHOWN_SAMPLES = 10
SHOWN_CHARACTERS = 4_000  # of a sample


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """Why a field is as it is: in how many readings it stood, what was seen, and how sure it is to come again.

    `sure` is a probability; `low` and `high` are what was seen of numbers, never limits.
    """

    name: str
    path: str
    kind: Kind
    unit: str
    seen: int
    of: int
    sure: float
    low: float | None = None
    high: float | None = None
    examples: list[str] = []
    why: str = ""


class Sample(msgspec.Struct, frozen=True):
    """A message to show next to a proposal; bytes that are not UTF-8 are written as \\xNN."""

    topic: str
    payload: str
    received: float


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A draft, what is worth knowing about it, and what it was made from. `family` is empty for none that is known."""

    spec: ModelSpec
    family: str
    source: str  # the address of the family's documentation
    notes: list[str]
    fields: list[Evidence]
    samples: list[Sample]
    messages: int


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How a model would have to change to fit what comes: the changed draft, and a sentence for each change."""

    spec: ModelSpec
    changes: list[str]
    evidence: list[Evidence]
    samples: list[Sample]
    messages: int


def samples_of(messages: Iterable[Message]) -> list[Sample]:
    """Return some messages to show: one of each topic first, newest first."""
    first: dict[str, Message] = {}
    others: list[Message] = []
    for message in messages:
        if message.topic not in first:
            first[message.topic] = message
        elif len(others) < SHOWN_SAMPLES:
            others.append(message)
    shown = [*first.values(), *others][:SHOWN_SAMPLES]
    return [Sample(item.topic, _text(item.payload), item.received) for item in shown]


def _text(payload: bytes) -> str:
    text = payload[:MAX_BYTES].decode("utf-8", "backslashreplace").replace("\0", "\\x00")
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]} …"
