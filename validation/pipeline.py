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
from validation.spec import ModelSpec, Reason, pointer

Raws = msgspec.json.Decoder(list[msgspec.Raw])
# What msgspec raises for a payload that does not pass. RecursionError: nesting beyond Python's own limit.
REFUSALS = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)
# How many of another unit make a second.
UNITS = ((1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds"))


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
        return (
            self.readings[place],
            self.devices[place],
            self.micros[place],
            self.received[place],
            self.entries[place],
            self.positions[place],
        )

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

    def accept(self, model: CompiledModel) -> Rows:
        """Return the rows that a reading of a model joins."""
        rows = self.rows.get(model.spec.name)
        if rows is None:
            rows = self.rows[model.spec.name] = Rows(model)
        return rows

    def __len__(self) -> int:
        return len(self.rejected) + sum(map(len, self.rows.values()))


def judge(batches: Sequence[Batch], catalog: Catalog) -> Judgement:
    """Judge every message of some batches. An array is many readings; a message without any is one rejection."""
    judgement = Judgement()
    for entry, batch in enumerate(batches):
        before = len(judgement)
        _judge_batch(judgement, catalog, entry, batch)
        judgement.readings.append(len(judgement) - before)
    return judgement


def _judge_batch(judgement: Judgement, catalog: Catalog, entry: int, batch: Batch) -> None:
    """Accept each message that is one plain reading, and examine every other."""
    for position, (topic, payload, received) in enumerate(
        zip(batch.topics, batch.payloads, batch.received, strict=True)
    ):
        route = catalog.route(topic)
        model = route.model
        if model is not None and not route.reasons and not is_suspicious(payload):
            try:
                reading = model.decoder.decode(payload)
            except REFUSALS:
                pass  # because of what is wrong with it, or an array; examined below
            else:
                micros = microseconds(reading.t)
                if micros is not None and not _faults_of_meaning(model, reading, micros, received):
                    device = route.device or reading.d
                    judgement.accept(model).add(reading, device, micros, received, entry, position)
                    continue
        _examine(judgement, route, Rejected(entry, position, received, topic, payload, []))


def _examine(judgement: Judgement, route: Route, message: Rejected) -> None:
    """Judge a message that is unusual, an array, or wrong: every reading of it by itself."""
    message.model, message.device, message.reasons = route.model, route.device, list(route.reasons)
    if route.model is None or message.reasons:
        judgement.rejected.append(message)
        return
    value, message.reasons = parse(message.payload)
    if value == [] and not message.reasons:
        message.reasons.append(Reason("empty_array", "", "The array holds no reading."))
    if message.reasons:
        judgement.rejected.append(message)
    elif isinstance(value, list):
        for raw, item in zip(Raws.decode(message.payload), value, strict=True):
            _examine_one(judgement, route.model, message, raw, item)
    else:
        _examine_one(judgement, route.model, message, message.payload, value)


def _examine_one(
    judgement: Judgement, model: CompiledModel, message: Rejected, raw: bytes | msgspec.Raw, value: Any
) -> None:
    """Judge one reading of a message: `raw` is how it was written, `value` what that decodes to."""
    reading, reasons = model.read(value)
    if reading is not None:
        micros = microseconds(reading.t)
        reasons = _faults_of_meaning(model, reading, micros, message.received)
        if micros is not None and not reasons:
            device = message.device or reading.d
            judgement.accept(model).add(reading, device, micros, message.received, message.entry, message.position)
            return
    named = value.get(model.spec.device_key) if isinstance(value, dict) else None
    device = message.device or (named[:64] if isinstance(named, str) else None)
    judgement.rejected.append(replace(message, payload=bytes(raw), reasons=reasons, device=device))


def _faults_of_meaning(model: CompiledModel, reading: Any, micros: int | None, received: float) -> list[Reason]:
    """Return what the schema cannot say: a time that is none or outside the window, and nothing measured at all."""
    spec = model.spec
    if micros is None:
        return [_no_moment(spec.time_key, reading.t)]
    late = received - micros / 1_000_000
    faults = [] if -spec.ahead_s <= late <= spec.past_s else [_outside_window(spec, late)]
    if model.measured is not None and all(value is None for value in model.measured(reading)):
        faults.append(Reason("nothing_measured", "", "None of the fields is present of which at least one must be."))
    for attribute, key in model.timestamps:
        value = getattr(reading, attribute)
        if value is not None and microseconds(value) is None:
            faults.append(_no_moment(key, value))
    return faults


def _no_moment(key: str, value: float | str) -> Reason:
    """Say that a value is no time, and guess the commonest cause: another unit than seconds."""
    detail = f"{str(value)[:80]!r} is neither seconds since 1970 nor ISO 8601."
    for factor, unit in UNITS:
        # Between the years 2001 and 2103 for a factor of 1,000; no two of the ranges meet.
        if not isinstance(value, str) and 1e9 < value / factor < 4.2e9:
            detail += f" It looks like {unit}; seconds are expected."
    return Reason("timestamp", pointer(key), detail)


def _outside_window(spec: ModelSpec, late: float) -> Reason:
    side = "before" if late > 0 else "after"
    detail = (
        f"The time is {abs(late):,.0f} s {side} receipt; {spec.past_s:,.0f} before and {spec.ahead_s:,.0f} after pass."
    )
    return Reason("time_window", pointer(spec.time_key), detail)
