"""Judged rows as columns, sorted by key: the shape in which they go to PostgreSQL. Pure."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from validation.checks import unit_of
from validation.moments import microseconds
from validation.pipeline import Rows
from validation.spec import FieldSpec

SUM_BITS = 32  # of a sequence that this module makes up


@dataclass(slots=True)
class Columns:
    """Rows of one model as arrays, sorted by the table's key, so that two workers take locks in one order."""

    rows: Rows
    order: NDArray[np.intp]
    devices: NDArray[np.int32]
    micros: NDArray[np.int64]
    seqs: NDArray[np.int64]
    received: NDArray[np.int64]
    entries: NDArray[np.int32]
    values: list[tuple[FieldSpec, list[Any]]]
    extra: list[bytes | None] | None = None  # what no path names, as JSON, when the model keeps it

    def __len__(self) -> int:
        return len(self.order)

    @property
    def days(self) -> set[int]:
        """Return the days since 1970 (UTC) that the rows fall on."""
        return set(np.unique(self.micros // 86_400_000_000).tolist())


def columns_of(rows: Rows, device_ids: dict[str, int]) -> Columns:
    """Turn judged rows into sorted columns. Pure."""
    spec = rows.model.spec
    devices = np.array([device_ids[name] for name in rows.devices], dtype=np.int32)
    micros = np.array(rows.micros, dtype=np.int64)
    seqs = np.array(_sequence(rows), dtype=np.int64)
    order = np.lexsort((seqs, micros, devices))
    received = (np.array(rows.received)[order] * 1e6).round().astype(np.int64)
    entries = np.array(rows.entries, dtype=np.int32)[order]
    readings = [rows.readings[place] for place in order.tolist()]
    values = [(field, _column(field, f"f{number}", readings)) for number, field in enumerate(spec.fields)]
    extra = [reading.x for reading in readings] if spec.unknown == "keep" else None
    return Columns(rows, order, devices[order], micros[order], seqs[order], received, entries, values, extra)


def _sequence(rows: Rows) -> list[int]:
    """Return the sequence of each reading, 0 where it has none.

    Messages that a socket brought at once have one moment of receipt. Where that is the event time, readings without
    a sequence would look like one another's duplicates, so they get one: their order in the upper bits, and below it a
    sum of their values, which also tells a reading that comes out of quarantine from its stored neighbours.
    """
    spec = rows.model.spec
    given = [reading.s for reading in rows.readings] if spec.sequence_key else [None] * len(rows)
    if spec.time_source == "payload":
        return [seq or 0 for seq in given]
    sequence = []
    before: Counter[tuple[str, int]] = Counter()
    for seq, reading, moment in zip(given, rows.readings, zip(rows.devices, rows.micros, strict=True), strict=True):
        if seq is None:
            seq = before[moment] << SUM_BITS | zlib.crc32(msgspec.msgpack.encode(reading))

            before[moment] += 1
        sequence.append(seq)
    return sequence


def _column(field: FieldSpec, attribute: str, readings: list[Any]) -> list[Any]:
    values = list(map(attrgetter(attribute), readings))
    if field.kind == "timestamp":
        unit = unit_of(field)
        return [None if value is None else microseconds(value, unit) for value in values]
    return values


def without(columns: Columns, places: Iterable[int]) -> Columns:
    """Return the columns without the rows at some places."""
    keep = np.ones(len(columns), dtype=bool)
    keep[list(places)] = False
    kept = np.flatnonzero(keep).tolist()
    return Columns(
        columns.rows,
        columns.order[keep],
        columns.devices[keep],
        columns.micros[keep],
        columns.seqs[keep],
        columns.received[keep],
        columns.entries[keep],
        [(spec, [column[place] for place in kept]) for spec, column in columns.values],
        [columns.extra[place] for place in kept] if columns.extra is not None else None,
    )
