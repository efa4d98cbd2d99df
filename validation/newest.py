"""The newest reading of each device in a chunk: for the table of newest values, and for the announcement to the pages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.db import connection

from validation.events import POINTS_PER_SECOND, Point, StoredDevice, Value
from validation.moments import moment
from validation.store import Columns

# How a device's interval is learned: a step counts for a fifth, and at most halves or doubles what was known, so that
# an outage of an hour does not make the device look slow for a day.
WEIGHT, WIDEST_STEP = 0.2, 2.0


@dataclass(frozen=True, slots=True)
class Newest:
    """One device's newest reading in a chunk; `first` and `last` are its places in the sorted columns."""

    device_id: int
    first: int
    last: int


def newest(columns: Columns) -> Iterator[Newest]:
    """Yield each device of some columns once, in the order of their ids. Pure."""
    ends = np.flatnonzero(np.diff(columns.devices, append=columns.devices[-1] + 1)).tolist()
    first = 0
    for last in ends:
        yield Newest(int(columns.devices[last]), first, last)
        first = last + 1


def update_latest(columns: Columns, model_id: int) -> None:
    """Move the newest values forward where event times are newer, and note that the devices were heard of.

    Rows are locked in the order of their devices, so that two workers never wait for each other in a circle.
    """
    found = list(newest(columns))
    parameters = [
        [item.device_id for item in found],
        [moment(int(columns.micros[item.last])) for item in found],
        [int(columns.seqs[item.last]) for item in found],
        [moment(int(columns.received[item.last])) for item in found],
        [moment(int(columns.received[item.first : item.last + 1].max())) for item in found],
        [json.dumps(stored_values(columns, item.last)) for item in found],
        [item.last - item.first + 1 for item in found],
    ]
    if _update(parameters, model_id) < len(found):
        _make_rows(parameters[0], model_id)
        _update(parameters, model_id)


def _update(parameters: list[list[object]], model_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH heard AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::timestamptz[], "
            "%s::timestamptz[], %s::jsonb[], %s::int[]) AS h (device_id, ts, seq, received_at, seen_at, values, count)), "
            "held AS (SELECT id FROM validation_latest WHERE model_id = %s AND device_id = ANY(%s::bigint[]) "
            "ORDER BY device_id FOR UPDATE), "
            "step AS (SELECT l.id, h.*, (h.ts, h.seq) > (l.ts, l.seq) AS newer, l.interval_s AS known, "
            "CASE WHEN h.ts > l.ts AND l.ts > '-infinity' "
            "THEN extract(epoch FROM h.ts - l.ts)::float8 / h.count END AS measured "
            "FROM held JOIN validation_latest l USING (id) JOIN heard h ON h.device_id = l.device_id) "
            "UPDATE validation_latest l SET last_seen_at = greatest(l.last_seen_at, s.seen_at), "
            "ts = CASE WHEN newer THEN s.ts ELSE l.ts END, seq = CASE WHEN newer THEN s.seq ELSE l.seq END, "
            "received_at = CASE WHEN newer THEN s.received_at ELSE l.received_at END, "
            "values = CASE WHEN newer THEN s.values ELSE l.values END, "
            "interval_s = CASE WHEN measured IS NULL THEN known WHEN known IS NULL THEN measured "
            "ELSE known * (1 - %s) + %s * greatest(known / %s, least(known * %s, measured)) END "
            "FROM step s WHERE s.id = l.id",
            [*parameters, model_id, parameters[0], WEIGHT, WEIGHT, WIDEST_STEP, WIDEST_STEP],
        )
        return cursor.rowcount


def _make_rows(device_ids: list[object], model_id: int) -> None:
    """Make rows that anything is newer than; nobody sees them before this transaction has filled them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_latest (device_id, model_id, ts, seq, received_at, last_seen_at, values) "
            "SELECT id, %s, '-infinity', -1, '-infinity', '-infinity', '{}' FROM unnest(%s::bigint[]) AS id "
            "ORDER BY id ON CONFLICT DO NOTHING",
            [model_id, device_ids],
        )


def stored_values(columns: Columns, place: int) -> dict[str, Value]:
    """Return what was measured in one row, by field; times as seconds since 1970."""
    values: dict[str, Value] = {}
    for field, column in columns.values:
        value = column[place]
        if value is not None:
            values[field.name] = value / 1e6 if field.kind == "timestamp" else value
    return values


def stored_devices(columns: Columns) -> dict[str, StoredDevice]:
    """Return what the pages want to know of each device: its newest values, and a thinned run of points."""
    names = columns.rows.devices
    return {
        names[int(columns.order[item.last])]: StoredDevice(
            ts=int(columns.micros[item.last]) / 1e6,
            received_at=int(columns.received[item.last]) / 1e6,
            interval_s=None,
            values=stored_values(columns, item.last),
            points=_points(columns, item),
        )
        for item in newest(columns)
    }


def _points(columns: Columns, item: Newest) -> dict[str, list[Point]]:
    """Return the points of one device by field: one for each twentieth of a second, the last one in it."""
    micros = columns.micros[item.first : item.last + 1]
    slots = micros // (1_000_000 // POINTS_PER_SECOND)
    kept = (np.flatnonzero(np.diff(slots, append=slots[-1] + 1)) + item.first).tolist()
    times = [int(columns.micros[place]) / 1e6 for place in kept]
    points: dict[str, list[Point]] = {}
    for field, column in columns.values:
        if field.kind in ("number", "integer", "boolean"):
            pairs = [(ts, column[place]) for ts, place in zip(times, kept, strict=True) if column[place] is not None]
            if pairs:
                points[field.name] = pairs
    return points
