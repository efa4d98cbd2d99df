"""Which devices have readings that were not looked at, and those readings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import SQL, Composable, Identifier, Literal

from insights.facts.roles import is_told
from insights.watching.state import Watched
from validation import blocks, tables
from validation.moments import MICROS_TO_2000, moment
from validation.presence import DEFAULT_INTERVAL_S
from validation.selectors import bounded_read
from validation.spec import FieldSpec, ModelSpec

NUMERIC = ("number", "integer")
MOST_FIELDS = 40  # of a model: 10 KB of memory each, and half a millisecond a reading in all
# A reading that is this far ahead of our clock waits until it is less so: otherwise one wrong clock would make all that
# comes after it late.
AHEAD = timedelta(seconds=60)
NEWS = (
    blocks.Part("device_id", "int4"),
    blocks.Part("newest", "timestamptz"),
    blocks.Part("seq", "int8"),
    blocks.Part("seen", "timestamptz"),
    blocks.Part("received", "timestamptz"),
    blocks.Part("interval_s", "float8"),
)


@dataclass(frozen=True, slots=True)
class News:
    """The newest reading of each device of a model: arrays of one length. Times in microseconds since 1970."""

    devices: NDArray[np.int64]
    newest: NDArray[np.int64]
    seqs: NDArray[np.int64]
    seen: NDArray[np.int64]  # when anything of the device last arrived
    received: NDArray[np.int64]  # when its newest reading arrived
    intervals: NDArray[np.float64]  # seconds expected between its readings


@dataclass(frozen=True, slots=True)
class Piece:
    """Readings of one device in their order: times in seconds since 1970, each field's values, nan where none came."""

    device: int
    micros: int  # of the last one
    seq: int
    times: list[float]
    values: dict[str, list[float]]


def watched_fields(spec: ModelSpec) -> list[FieldSpec]:
    """Return the fields that are watched: numbers, but no places and directions, which are always new somewhere."""
    return [field for field in spec.fields if field.kind in NUMERIC and is_told(field)][:MOST_FIELDS]


def news_of(model: int) -> News:
    """Return the newest readings of all devices of a model; 10,000 take some 10 ms. Raises TooSlow."""
    query = SQL(
        "SELECT l.device_id::int4, l.ts AS newest, l.seq, l.last_seen_at AS seen, l.received_at AS received, "
        "coalesce(d.expected_interval_s, l.interval_s, {}) AS interval_s "
        "FROM validation_latest l JOIN ingest_device d ON d.id = l.device_id "
        "WHERE l.model_id = %s AND isfinite(l.ts) AND isfinite(l.received_at)"
    ).format(Literal(DEFAULT_INTERVAL_S))
    with bounded_read() as cursor:
        rows = blocks.block(cursor, query, [model], NEWS)
    return News(
        rows["device_id"].astype(np.int64),
        _micros(rows["newest"]),
        rows["seq"].astype(np.int64),
        _micros(rows["seen"]),
        _micros(rows["received"]),
        rows["interval_s"].astype(np.float64),
    )


def read(spec: ModelSpec, places: Mapping[int, Watched], horizon: int, each: int) -> list[Piece]:
    """Return what is stored of some devices after the place that each has been looked at to.

    At most `each` readings of a device, none after `horizon` (microseconds since 1970). One statement, which uses the
    table's unique index for each device. Raises TooSlow.
    """
    fields = watched_fields(spec)
    existing = tables.columns(spec.name)
    if not existing or not places:
        return []
    parts = [
        blocks.Part("device_id", "int4"),
        blocks.Part("ts", "timestamptz"),
        blocks.Part("seq", "int8"),
        *(blocks.Part(f"f{number}", "float8", is_optional=True) for number in range(len(fields))),
    ]
    query = _query(spec, [tables.value(field.name, existing) for field in fields], places, horizon)
    parameters = [
        list(places),
        [moment(one.micros) for one in places.values()],
        [one.seq for one in places.values()],
        each,
    ]
    with bounded_read() as cursor:
        rows = blocks.block(cursor, query, parameters, parts)
    return list(_pieces(rows, [field.name for field in fields]))


def _query(spec: ModelSpec, values: Sequence[Composable], places: Mapping[int, Watched], horizon: int) -> Composable:
    # The bounds stand in the statement, so that PostgreSQL plans for the few days they touch and not for all.
    first = moment(min(one.micros for one in places.values()))
    return SQL(
        "SELECT w.device AS device_id, t.* FROM unnest(%s::int4[], %s::timestamptz[], %s::int8[]) AS w (device, at, n) "
        "CROSS JOIN LATERAL (SELECT r.ts, r.seq{values} FROM {table} r WHERE r.device_id = w.device "
        "AND r.ts >= {first} AND r.ts <= {last} AND (r.ts, r.seq) > (w.at, w.n) ORDER BY r.ts, r.seq LIMIT %s) t "
        "ORDER BY w.device, t.ts, t.seq"
    ).format(
        values=SQL("").join(
            SQL(", {}::float8 AS {}").format(value, Identifier(f"f{number}")) for number, value in enumerate(values)
        ),
        table=tables.table(spec.name),
        first=Literal(first.isoformat()),
        last=Literal(moment(horizon).isoformat()),
    )


def _pieces(rows: NDArray[Any], names: Sequence[str]) -> list[Piece]:
    if not len(rows):
        return []
    devices = rows["device_id"]
    starts = np.flatnonzero(np.diff(devices, prepend=devices[0] - 1)).tolist()
    micros, seqs = _micros(rows["ts"]), rows["seq"]
    times = (micros / 1e6).tolist()
    columns = {name: rows[f"f{number}"].tolist() for number, name in enumerate(names)}
    return [
        Piece(
            int(devices[first]),
            int(micros[end - 1]),
            int(seqs[end - 1]),
            times[first:end],
            {name: column[first:end] for name, column in columns.items()},
        )
        for first, end in zip(starts, [*starts[1:], len(rows)], strict=True)
    ]


def _micros(column: NDArray[Any]) -> NDArray[np.int64]:
    return column.astype(np.int64) + MICROS_TO_2000
