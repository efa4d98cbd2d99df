"""Make messages to propose models from, for the tests of `validation.propose`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from ingest.envelope import Batch
from validation.catalog import Catalog
from validation.pipeline import judge
from validation.propose import Evidence, Message, Proposal, propose
from validation.schema import compile_model
from validation.spec import FieldSpec, ModelSpec

NOW = 1_760_000_000.0  # 2025-10-09T08:53:20Z, when the last message is received
TOPIC = "plant/press-7/telemetry"


def sent(
    payload: Callable[[int], Any], count: int = 20, topic: Callable[[int], str] = lambda number: TOPIC
) -> list[Message]:
    """Return messages, newest first; number 0 is the oldest, and each comes a second after the one before."""
    numbers = range(count - 1, -1, -1)
    return [Message(topic(n), orjson.dumps(payload(n)), NOW - count + 1 + n) for n in numbers]


def proposed(payload: Callable[[int], Any], count: int = 20) -> Proposal:
    """Return what is proposed for messages of one device, which all pass it."""
    messages = sent(payload, count)
    proposal = propose(messages)
    assert rejected(proposal.spec, messages) == []
    return proposal


def field(proposal: Proposal, path: str) -> FieldSpec:
    """Return a field that was proposed, by its path."""
    return {field.path or field.name: field for field in proposal.spec.fields}[path]


def evidence(proposal: Proposal, path: str) -> Evidence:
    """Return the evidence for a field, by its path."""
    return {shown.path: shown for shown in proposal.fields}[path]


def rejected(spec: ModelSpec, messages: list[Message]) -> list[Any]:
    """Judge messages by a draft as a worker would, and return the reasons of those that do not pass."""
    topics, payloads = [message.topic.encode() for message in messages], [message.payload for message in messages]
    batch = Batch(1, "test", 1, [message.received for message in messages], topics, payloads)
    return [item.reasons for item in judge([batch], Catalog([compile_model(spec, 1)])).rejected]
