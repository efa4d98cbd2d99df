"""The newest reading of each device in a chunk: for the table of newest values, and to announce it to the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.db import connection

from validation.events import POINTS_PER_SECOND, Point, StoredDevice, Value
from validation.moments import moment
from validation.spec import Kind
from validation.store import Columns

# How a device's interval is learned: a step counts for a fifth, and at most halves or doubles what was known, so that
# an outage of an hour does not make the device look slow for a day.
WEIGHT, WIDEST_STEP = 0.2, 2.0
MICROS_PER_SLOT = 1_000_000 // POINTS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Newest:
    """One device's newest reading in a chunk; `first` and `last` are its places in the sorted columns.

    `arrived` is when anything of the device last came, in microseconds since 1970: not always that newest reading.
    """

    device_id: int
    first: int
    last: int
    arrived: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the table says of a device: its row, the newest event time in microseconds (None before the first one)."""

    row: int
    micros: int | None
    seq: int
    interval_s: float | None


def newest(columns: Columns) -> Iterator[Newest]:
    """Yield each device of some columns once, in the order of their ids. Pure."""
    ends = np.flatnonzero(np.diff(columns.devices, append=-1))
    starts = np.concatenate(([0], ends[:-1] + 1))[: len(ends)]
    arrivals = np.maximum.reduceat(columns.received, starts) if len(ends) else ends
    for first, last, arrived in zip(starts.tolist(), ends.tolist(), arrivals.tolist(), strict=True):
        yield Newest(int(columns.devices[last]), first, last, arrived)


def update_latest(columns: Columns, model_id: int) -> None:
    """Move the newest values forward where event times are newer, and note that the devices were heard of.

    Call it in the transaction that stores the rows. Rows are locked in the order of their devices, so that two workers
    do not wait for each other in a circle, and they are read once they are locked: what one worker found newer cannot
    be put back by another that looked before it.
    """
    found = list(newest(columns))
    devices = [item.device_id for item in found]
    known = _lock(devices, model_id)
    if len(known) < len(found):
        _make_rows([device for device in devices if device not in known], model_id)
        known = _lock(devices, model_id)
    _hear([(item, known[item.device_id]) for item in found])
    _move_forward(columns, [(item, known[item.device_id]) for item in found if _is_newer(columns, item, known)])


def _is_newer(columns: Columns, item: Newest, known: dict[int, Known]) -> bool:
    before = known[item.device_id]
    found = int(columns.micros[item.last]), int(columns.seqs[item.last])
    return before.micros is None or found > (before.micros, before.seq)


def _lock(devices: list[int], model_id: int) -> dict[int, Known]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, id, CASE WHEN isfinite(ts) THEN (extract(epoch FROM ts) * 1000000)::bigint END, seq, "
            "interval_s FROM validation_latest WHERE model_id = %s AND device_id = ANY(%s::bigint[]) "
            "ORDER BY device_id FOR UPDATE",
            [model_id, devices],
        )
        return {device: Known(*row) for device, *row in cursor.fetchall()}


def _make_rows(devices: list[int], model_id: int) -> None:
    """Make rows that anything is newer than; nobody sees them before this transaction has filled them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_latest (device_id, model_id, ts, seq, received_at, last_seen_at, values) "
            "SELECT id, %s, '-infinity', -1, '-infinity', '-infinity', '{}' FROM unnest(%s::bigint[]) AS id "
            "ORDER BY id ON CONFLICT DO NOTHING",
            [model_id, devices],
        )


def _hear(heard: Sequence[tuple[Newest, Known]]) -> None:
    """Note when the devices were last heard of, however old their event times."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE validation_latest l SET last_seen_at = greatest(l.last_seen_at, h.seen_at) "
            "FROM unnest(%s::bigint[], %s::timestamptz[]) AS h (id, seen_at) WHERE l.id = h.id",
            [
                [known.row for _, known in heard],
                [moment(item.arrived) for item, _ in heard],
            ],
        )


def _move_forward(columns: Columns, newer: Sequence[tuple[Newest, Known]]) -> None:
    if not newer:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE validation_latest l SET ts = n.ts, seq = n.seq, received_at = n.received_at, values = n.values, "
            "interval_s = n.interval_s FROM unnest(%s::bigint[], %s::timestamptz[], %s::bigint[], %s::timestamptz[], "
            "%s::jsonb[], %s::float8[]) AS n (id, ts, seq, received_at, values, interval_s) WHERE l.id = n.id",
            [
                [known.row for _, known in newer],
                [moment(int(columns.micros[item.last])) for item, _ in newer],
                [int(columns.seqs[item.last]) for item, _ in newer],
                [moment(int(columns.received[item.last])) for item, _ in newer],
                [json.dumps(stored_values(columns, item.last)) for item, _ in newer],
                [learned(known.interval_s, measured(columns, item, known.micros)) for item, known in newer],
            ],
        )


def measured(columns: Columns, item: Newest, since: int | None) -> float | None:
    """Return the mean seconds between the moments of a device that are newer than `since`, or None without a step.

    `since` is the newest event time known before, in microseconds; without one the chunk's own first moment counts.
    Readings of one moment, and those that came late or again, are no steps. Pure.
    """
    micros = columns.micros[item.first : item.last + 1]
    begin = int(micros[0]) if since is None else since
    moments = len(np.unique(micros[np.searchsorted(micros, begin, side="right") :]))
    return (int(micros[-1]) - begin) / 1e6 / moments if moments else None


def learned(known: float | None, step: float | None) -> float | None:
    """Return the seconds between readings that are believed in after a step was measured. Pure."""
    if known is None or step is None:
        return known if step is None else step
    return known * (1 - WEIGHT) + WEIGHT * max(known / WIDEST_STEP, min(known * WIDEST_STEP, step))


def stored_values(columns: Columns, place: int) -> dict[str, Value]:
    """Return what was measured in one row, by field; times as seconds since 1970, points as latitude and longitude."""
    values: dict[str, Value] = {}
    for field, column in columns.values:
        value = column[place]
        if value is not None:
            values[field.name] = _shown(field.kind, value)
    return values


def _shown(kind: Kind, value: Any) -> Value:
    if kind == "point":
        latitude, longitude = value
        return {"lat": latitude, "lon": longitude}
    shown: Value = value / 1e6 if kind == "timestamp" else value
    return shown


def stored_devices(columns: Columns) -> dict[str, StoredDevice]:
    """Return what the pages want to know of each device: its newest values, and a thinned run of points."""
    names = columns.rows.devices
    return {
        names[int(columns.order[item.last])]: StoredDevice(
            ts=int(columns.micros[item.last]) / 1e6,
            received_at=item.arrived / 1e6,
            interval_s=None,
            values=stored_values(columns, item.last),
            points=_points(columns, item),
        )
        for item in newest(columns)
    }


def _points(columns: Columns, item: Newest) -> dict[str, list[Point]]:
    """Return the points of one device by field: one for each twentieth of a second, the last one in it."""
    whole = range(item.first, item.last + 1)
    slots = columns.micros[item.first : item.last + 1] // MICROS_PER_SLOT
    ends = (np.flatnonzero(np.diff(slots, append=slots[-1] + 1)) + item.first).tolist()
    points: dict[str, list[Point]] = {}
    for field, column in columns.values:
        if field.kind in ("number", "integer", "boolean"):
            run = _run(columns, column, ends)
            if len(run) < len(ends) < len(whole):
                # Some slots end with a reading without this field. A device may well send one field in one message
                # and the next field a millisecond later in another, so look at every reading of the slots.
                filled = (place for place in whole if column[place] is not None)
                last = {int(columns.micros[place]) // MICROS_PER_SLOT: place for place in filled}
                run = _run(columns, column, last.values())
            if run:
                points[field.name] = run
    return points


def _run(columns: Columns, column: Sequence[Value], places: Iterable[int]) -> list[Point]:
    """Return the moments, in seconds, and the values of a field at some places where it has one."""
    return [(int(columns.micros[place]) / 1e6, column[place]) for place in places if column[place] is not None]
