"""Make of rows the messages that their devices would have sent: topic, payload, and when it was received. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from ingest.envelope import MAX_BYTES
from validation.imports.cells import converted
from validation.imports.plan import Plan
from validation.imports.reader import MAX_RECORD, SAMPLE, Piece, Skipped
from validation.leaves import Leaf, Tree, leaves, tree
from validation.moments import microseconds
from validation.spec import ModelSpec

MAX_TOPICS, LONGEST_TOPIC = 100_000, 256  # topics that are remembered, and bytes of one
ANY_LEVEL = "import"  # stands for what a filter leaves open and no column says


class Messages(NamedTuple):
    """Messages, as a batch has them."""

    topics: list[bytes]
    payloads: list[bytes]
    received: list[float]

    def part(self, start: int, end: int) -> Messages:
        """Return some of them."""
        return Messages(self.topics[start:end], self.payloads[start:end], self.received[start:end])


class Builder:
    """Makes the messages of one file for one model."""

    def __init__(self, spec: ModelSpec, plan: Plan, *, typed: bool) -> None:
        self._spec, self._plan, self._typed = spec, plan, typed
        self._names = [target.attribute for target, _ in plan.targets]
        self._topics: dict[str, bytes] = {}
        found = [leaf for leaf in leaves(spec) if leaf.attribute in self._names or leaf.attribute == "d"]
        # Where everything stands at the top of the payload, a row is one step.
        self._flat = all(len(leaf.parts) == 1 for leaf in found)
        self._keys = [leaf.parts[0] for leaf in found]
        self._attributes = [leaf.attribute for leaf in found]
        self._payload = _nested(tree(found), {name: place for place, name in enumerate(self._attributes)})

    def messages(self, piece: Piece) -> Messages:
        """Return the messages of some rows, received now. Rows that cannot be any join those the piece leaves out.

        Of a model whose time is the moment of receipt, that is the time that the row has.
        """
        values = self._values(piece)
        count = len(piece)
        nothing = [None] * count
        rows = zip(*[values.get(attribute, nothing) for attribute in self._attributes], strict=True)
        make: Callable[[tuple[Any, ...]], dict[str, Any]] = self._flat_payload if self._flat else self._payload
        payloads = [make(row) for row in rows] if self._attributes else [{} for _ in range(count)]
        for payload, extra in zip(payloads, values.get("x", ()), strict=False):
            if isinstance(extra, dict):
                _merge(payload, extra)
        topics = [self._topic(device) for device in values["d"]]
        made = Messages(topics, [orjson.dumps(payload) for payload in payloads], [time.time()] * count)
        if self._spec.time_source != "payload":
            made = self._received_then(made, values["t"], piece)
        return made if all(len(payload) <= MAX_RECORD for payload in made.payloads) else _short_ones(made, piece)

    def _values(self, piece: Piece) -> dict[str, list[Any]]:
        values = {
            target.attribute: converted(target.holds, piece.columns[place], typed=self._typed, unit=self._plan.unit)
            for target, place in self._plan.targets
            if piece.columns
        }
        devices = values.get("d") or [self._plan.device] * len(piece)
        values["d"] = [device if device is None or isinstance(device, str) else str(device) for device in devices]
        return values

    def _received_then(self, made: Messages, times: list[Any], piece: Piece) -> Messages:
        """Return messages as received at the times of their rows; without such a time, a row is none."""
        latest = time.time() + self._spec.ahead_s
        kept = Messages([], [], [])
        for topic, payload, value in zip(made.topics, made.payloads, times, strict=True):
            micros = microseconds(value) if isinstance(value, str) else None
            if micros is None or micros / 1e6 > latest:
                detail = "The row has no time at which it could have been received."
                piece.skipped.append(Skipped("time", detail, payload[:SAMPLE]))
                continue
            kept.topics.append(topic)
            kept.payloads.append(payload)
            kept.received.append(micros / 1e6)
        return kept

    def _flat_payload(self, row: tuple[Any, ...]) -> dict[str, Any]:
        return dict(zip(self._keys, row, strict=True))

    def _topic(self, device: str | None) -> bytes:
        name = device or ""
        topic = self._topics.get(name)
        if topic is None:
            topic = topic_of(self._spec, name).encode("utf-8", "replace")
            if len(self._topics) < MAX_TOPICS and len(topic) <= LONGEST_TOPIC:
                self._topics[name] = topic
        return topic


def _short_ones(made: Messages, piece: Piece) -> Messages:
    """Return the messages that are not too long for anybody to judge."""
    kept = Messages([], [], [])
    for topic, payload, received in zip(*made, strict=True):
        if len(payload) > MAX_RECORD:
            detail = f"The row is longer than {MAX_RECORD:,} bytes."
            piece.skipped.append(Skipped("too_long", detail, payload[:SAMPLE]))
        else:
            kept.topics.append(topic)
            kept.payloads.append(payload)
            kept.received.append(received)
    return kept


def envelopes_of(messages: Messages) -> Iterator[Messages]:
    """Yield messages in as many envelopes as their bytes want; mostly it is one."""
    start = size = 0
    for place, payload in enumerate(messages.payloads):
        if size and size + len(payload) > MAX_BYTES:
            yield messages.part(start, place)
            start, size = place, 0
        size += len(payload)
    if size:
        yield messages.part(start, len(messages.payloads))


def topic_of(spec: ModelSpec, device: str) -> str:
    """Return a topic of a model on which a reading of a device could have come."""
    levels, wildcard = [], 0
    for level in spec.topic_filter.split("/"):
        if level not in ("+", "#"):
            levels.append(level)
            continue
        wildcard += 1
        if spec.device_source == "topic" and wildcard == spec.device_level:
            levels.append(device)
        elif level == "+":
            levels.append(ANY_LEVEL)
    return "/".join(levels)


def _nested(shape: Tree, places: Mapping[str, int]) -> Callable[[tuple[Any, ...]], dict[str, Any]]:
    """Return what makes a payload with objects in it of a row."""
    parts = [
        (key, places[item.attribute] if isinstance(item, Leaf) else _nested(item, places))
        for key, item in shape.items()
    ]

    def make(row: tuple[Any, ...]) -> dict[str, Any]:
        return {key: row[part] if isinstance(part, int) else part(row) for key, part in parts}

    return make


def _merge(payload: dict[str, Any], extra: dict[str, Any]) -> None:
    """Put what a model keeps beyond its fields back where it stood. What has a column of its own by now is not."""
    for key, value in extra.items():
        known = payload.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            _merge(known, value)
        elif known is None:
            payload[key] = value
