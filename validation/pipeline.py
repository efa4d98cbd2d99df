"""Judge batches of messages: pure, no Django, no network. What passes comes out as rows, the rest with its reasons.

See docs/data-path.md for where this stands. The loop in `judge` is the worker's hot path: one decode and a few
comparisons for each message that passes; only what fails, or looks unusual, is examined twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import orjson

from ingest.envelope import Batch
from validation.catalog import Catalog, Route
from validation.checks import no_moment, other_unit
from validation.limits import parse, suspicious
from validation.moments import microseconds
from validation.paths import Parts, pointer
from validation.schema import CompiledModel
from validation.spec import Reason

Raws = msgspec.json.Decoder(list[msgspec.Raw])
# What a payload that does not pass makes a decoder raise. RecursionError: nesting beyond Python's own limit.
REFUSALS = (msgspec.DecodeError, orjson.JSONDecodeError, RecursionError, UnicodeDecodeError)


@dataclass(slots=True)
class Rows:
    """Readings of one model that passed, as parallel lists; entry and position say which message each came in.

    `parts` has how a reading was written, by its place here, for those that are not a message of their own.
    """

    model: CompiledModel
    readings: list[Any] = field(default_factory=list)
    devices: list[str] = field(default_factory=list)
    micros: list[int] = field(default_factory=list)
    received: list[float] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    parts: dict[int, msgspec.Raw] = field(default_factory=dict)

    def add(
        self,
        reading: Any,
        device: str,
        micros: int,
        received: float,
        entry: int,
        position: int,
        part: msgspec.Raw | None = None,
    ) -> None:
        """Append one reading; `part` is how it was written when it is one of an array."""
        if part is not None:
            self.parts[len(self.readings)] = part
        self.readings.append(reading)
        self.devices.append(device)
        self.micros.append(micros)
        self.received.append(received)
        self.entries.append(entry)
        self.positions.append(position)

    def raw(self, place: int, payload: bytes) -> bytes:
        """Return how one reading was written: its part of an array, or else the whole `payload` of its message."""
        return bytes(self.parts.get(place, payload))

    def at(self, place: int) -> tuple[Any, str, int, float, int, int, msgspec.Raw | None]:
        """Return one reading as `add` takes it."""
        return (
            self.readings[place],
            self.devices[place],
            self.micros[place],
            self.received[place],
            self.entries[place],
            self.positions[place],
            self.parts.get(place),
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
    rows: Rows | None = None  # of the message before; most of a batch is for one model
    unusual = suspicious(batch.payloads)
    for position, (topic, payload, received) in enumerate(
        zip(batch.topics, batch.payloads, batch.received, strict=True)
    ):
        route = catalog.route(topic)
        model = route.model
        if model is not None and not route.reasons and position not in unusual:
            try:
                reading = model.decode(payload)
            except REFUSALS:
                pass  # because of what is wrong with it, or an array; examined below
            else:
                time = model.time
                micros = round(received * 1_000_000) if time is None else microseconds(reading.t, time[1])
                if (
                    micros is not None
                    and -model.ahead_s <= received - micros / 1_000_000 <= model.oldest_s
                    and not (model.checks and _faults_of_checks(model, reading))
                ):
                    if rows is None or rows.model is not model:
                        rows = judgement.accept(model)
                    rows.readings.append(reading)
                    rows.devices.append(route.device or reading.d)
                    rows.micros.append(micros)
                    rows.received.append(received)
                    rows.entries.append(entry)
                    rows.positions.append(position)
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
        micros = _micros(model, reading, message.received)
        reasons = _faults_of_meaning(model, reading, micros, message.received)
        if micros is not None and not reasons:
            device, part = message.device or reading.d, None if isinstance(raw, bytes) else raw
            rows = judgement.accept(model)
            rows.add(reading, device, micros, message.received, message.entry, message.position, part)
            return
    device = message.device or _named(model.device, value)
    judgement.rejected.append(replace(message, payload=bytes(raw), reasons=reasons, device=device))


def _named(place: Parts | None, value: Any) -> str | None:
    """Return what a rejected reading has at the place of the device, when that is a text."""
    for key in place or ():
        value = value.get(key) if isinstance(value, dict) else None
    return value[:64] if place and isinstance(value, str) else None


def _micros(model: CompiledModel, reading: Any, received: float) -> int | None:
    """Return the event time in microseconds since 1970, or None when what the reading says is no time."""
    if model.time is None:
        return round(received * 1_000_000)
    return microseconds(reading.t, model.time[1])


def _faults_of_meaning(model: CompiledModel, reading: Any, micros: int | None, received: float) -> list[Reason]:
    """Return what the schema cannot say: a time that is none or outside the window, and what checks find."""
    if micros is None:
        place, unit = model.time or ((), "s")
        return [no_moment(pointer(*place), reading.t, unit)]
    late = received - micros / 1_000_000
    faults = [] if -model.ahead_s <= late <= model.oldest_s else [_outside_window(model, reading, late)]
    return faults + _faults_of_checks(model, reading)


def _faults_of_checks(model: CompiledModel, reading: Any) -> list[Reason]:
    return [fault for check in model.checks if (fault := check(reading)) is not None]


def _outside_window(model: CompiledModel, reading: Any, late: float) -> Reason:
    place, unit = model.time or ((), "s")
    side = "before" if late > 0 else "after"
    detail = (
        f"The time is {abs(late):,.0f} s {side} receipt; {model.oldest_s:,.0f} before and "
        f"{model.ahead_s:,.0f} after pass.{other_unit(reading.t, unit)}"
    )
    return Reason("time_window", pointer(*place), detail)
