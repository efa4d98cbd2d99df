"""Judge batches of messages: pure, no Django, no network. What passes comes out as rows, the rest with its reasons.

See docs/data-path.md for where this stands. The loop in `judge` is the worker's hot path: one decode and a few
comparisons for each message that passes; only what fails, or looks unusual, is examined twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ingest.envelope import Batch
from validation.catalog import Catalog, Route
from validation.limits import is_suspicious, parse
from validation.moments import microseconds
from validation.schema import CompiledModel
from validation.spec import ModelSpec, Reason

Raws = msgspec.json.Decoder(list[msgspec.Raw])
# What msgspec raises for a payload that does not pass. RecursionError: nesting beyond Python's own limit.
REFUSALS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


@dataclass(slots=True)
class Rows:
    """Readings of one model that passed, as parallel lists; entry and position say which message each came in."""

    model: CompiledModel
    readings: list[Any] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)

    def add(self, reading: Any, device: str, micros: int, received: float, entry: int, position: int) -> None:
        """Append one reading."""
        self.readings.append(reading)
        self.devices.append(device)
        self.micros.append(micros)
        self.received.append(received)
        self.entries.append(entry)
        self.positions.append(position)

    def at(self, place: int) -> tuple[Any, str, int, float, int, int]:
        """Return one reading as `add` takes it."""
        lists = (self.readings, self.devices, self.micros, self.received, self.entries, self.positions)
        reading, device, micros, received, entry, position = (column[place] for column in lists)
        return reading, device, micros, received, entry, position

    def __len__(self) -> int:
        return len(self.readings)


@dataclass(slots=True)
class Rejected:
    """One reading, or a whole message, that did not pass, as it came."""

    entry: int
    position: int
    received: float
    topic: bytes
    payload: bytes
    reasons: list[Reason]
    device: str | None = None
    model: CompiledModel | None = None


@dataclass(slots=True)
class Judgement:
    """What became of some batches: rows by model name, rejections, and the number of readings of each batch."""

    rows: dict[str, Rows] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)
    readings: list[int] = field(default_factory=list)


def judge(batches: Sequence[Batch], catalog: Catalog) -> Judgement:
    """Judge every message of some batches. An array is many readings; a message without any is one rejection."""
    judgement = Judgement(readings=[0] * len(batches))
    for entry, batch in enumerate(batches):
        before = len(judgement.rejected) + sum(map(len, judgement.rows.values()))
        for position, topic, payload, received in zip(
            range(len(batch.topics)), batch.topics, batch.payloads, batch.received, strict=True
        ):
            route = catalog.route(topic)
            if not _accept(judgement, route, payload, received, entry, position):
                _examine(judgement, Rejected(entry, position, received, topic, payload, []), route)
        judgement.readings[entry] = len(judgement.rejected) + sum(map(len, judgement.rows.values())) - before
    return judgement


def _accept(judgement: Judgement, route: Route, payload: bytes, received: float, entry: int, position: int) -> bool:
    """Add a message that is one plain reading; say False, having done nothing, when it is anything else."""
    model = route.model
    if model is None or route.reasons or is_suspicious(payload):
        return False
    try:
        reading = model.decoder.decode(payload)
    except REFUSALS:
        return False
    micros = microseconds(reading.t)
    if micros is None or _faults_of_meaning(model, reading, micros, received):
        return False
    _rows(judgement, model).add(reading, route.device or reading.d, micros, received, entry, position)
    return True


def _rows(judgement: Judgement, model: CompiledModel) -> Rows:
    rows = judgement.rows.get(model.spec.name)
    if rows is None:
        rows = judgement.rows[model.spec.name] = Rows(model)
    return rows


def _examine(judgement: Judgement, message: Rejected, route: Route) -> None:
    """Judge a message that is unusual, an array, or wrong: every reading of it by itself."""
    message.reasons = list(route.reasons)
    value, faults = (None, []) if message.reasons else parse(message.payload)
    message.reasons += faults
    if value == [] and not message.reasons:
        message.reasons.append(Reason("empty_array", "", "The array holds no reading."))
    if message.reasons or route.model is None:
        judgement.rejected.append(message)
    elif isinstance(value, list):
        for raw, item in zip(Raws.decode(message.payload), value, strict=True):
            _examine_one(judgement, replace(message, payload=bytes(raw)), route.model, route.device, item)
    else:
        _examine_one(judgement, message, route.model, route.device, value)


def _examine_one(judgement: Judgement, message: Rejected, model: CompiledModel, device: str | None, value: Any) -> None:
    """Judge one reading whose JSON is well-formed: `value` is what it decodes to."""
    reasons: list[Reason]
    try:
        reading = model.decoder.decode(message.payload)
    except REFUSALS as error:
        reasons = model.faults(value) or [Reason("not_accepted", "", str(error))]
    else:
        micros = microseconds(reading.t)
        reasons = _faults_of_meaning(model, reading, micros, message.received)
        if micros is not None and not reasons:
            rows = _rows(judgement, model)
            rows.add(reading, device or reading.d, micros, message.received, message.entry, message.position)
            return
    named = value.get(model.spec.device_key) if isinstance(value, dict) else None
    message.device = device or (named[:64] if isinstance(named, str) else None)
    message.model, message.reasons = model, reasons
    judgement.rejected.append(message)


def _faults_of_meaning(model: CompiledModel, reading: Any, micros: int | None, received: float) -> list[Reason]:
    """Return what the schema cannot say: a time that is none or outside the window, and nothing measured at all."""
    spec = model.spec
    if micros is None:
        return [_no_moment(spec.time_key, reading.t)]
    faults: list[Reason] = []
    late = received - micros / 1_000_000
    if not -spec.ahead_s <= late <= spec.past_s:
        faults.append(_outside_window(spec, late, micros))
    if model.measured is not None and all(value is None for value in model.measured(reading)):
        faults.append(Reason("nothing_measured", "", "At least one of the model's fields must be present."))
    for attribute, key in model.timestamps:
        value = getattr(reading, attribute)
        if value is not None and microseconds(value) is None:
            faults.append(_no_moment(key, value))
    return faults


def _no_moment(key: str, value: Any) -> Reason:
    return Reason("timestamp", f"/{key}", f"{str(value)[:80]!r} is neither seconds since 1970 nor ISO 8601.")


def _outside_window(spec: ModelSpec, late: float, micros: int) -> Reason:
    """Say how far outside the window a time is, and guess the commonest cause: another unit than seconds."""
    hint = ""
    for factor, unit in ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")):
        received = late + micros / 1e6
        if -spec.ahead_s <= received - micros / 1e6 / factor <= spec.past_s and micros / 1e6 / factor > 1e9:
            hint = f" It looks like {unit}; seconds are expected."
    side = "before" if late > 0 else "after"
    detail = (
        f"The time is {abs(late):,.0f} s {side} receipt; {spec.past_s:,.0f} before and {spec.ahead_s:,.0f} after pass."
    )
    return Reason("time_window", f"/{spec.time_key}", detail + hint)
