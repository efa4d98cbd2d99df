"""The newest reading of each device in a chunk: for the table of newest values, and to announce it to the pages."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
from django.db import connection

from validation import arrays
from validation.binding import server_side
from validation.columns import Columns
from validation.events import POINTS_PER_SECOND, Point, StoredDevice, Value
from validation.spec import Kind

# How a device's interval is learned: a step counts for a fifth, and at most halves or doubles what was known, so that
# an outage of an hour does not make the device look slow for a day.
WEIGHT, WIDEST_STEP = 0.2, 2.0
NEGLIGIBLE = 0.005  # share of an interval by which it may be wrong before it is written anew
POINTS_OF_CHUNK = 64  # of one device and field: three seconds of what a page can show, and chunks come several a second
MICROS_PER_SLOT = 1_000_000 // POINTS_PER_SECOND


@dataclass(frozen=True, slots=True)
class Before:
    """What was known of a device: its row, the newest event time in microseconds (None before the first one)."""

    row: int
    micros: int | None
    interval_s: float | None
    is_moved: bool  # because the chunk has something newer


@dataclass(frozen=True, slots=True)
class Newest:
    """One device's newest reading in a chunk; `first` and `last` are its places in the sorted columns.

    `arrived` is when anything of the device last came, in microseconds since 1970: not always that newest reading.
    """

    device_id: int
    first: int
    last: int
    arrived: int


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
    known = _move_forward(columns, found, model_id)
    if len(known) < len(found):
        missing = [item for item in found if item.device_id not in known]
        _make_rows([item.device_id for item in missing], model_id)
        known |= _move_forward(columns, missing, model_id)
    moved = [(item, known[item.device_id]) for item in found]
    _learn(columns, [(item, before) for item, before in moved if before.is_moved])


def _make_rows(devices: list[int], model_id: int) -> None:
    """Make rows that anything is newer than; nobody sees them before this transaction has filled them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_latest (device_id, model_id, ts, seq, received_at, last_seen_at, values) "
            "SELECT id, %s, '-infinity', -1, '-infinity', '-infinity', '{}' FROM unnest(%s::bigint[]) AS id "
            "ORDER BY id ON CONFLICT DO NOTHING",
            [model_id, devices],
        )


def _move_forward(columns: Columns, found: Sequence[Newest], model_id: int) -> dict[int, Before]:
    """Lock the rows of some devices and write what is newer; return by device what was there, where there is a row."""
    lasts = [item.last for item in found]
    with server_side() as cursor:
        cursor.execute(
            "WITH k AS (SELECT id, device_id, ts, seq, interval_s FROM validation_latest "
            "WHERE model_id = %s AND device_id = ANY(%s) ORDER BY device_id FOR UPDATE), "
            "n AS (SELECT k.*, n.ts AS new_ts, n.seq AS new_seq, n.received_at, n.seen_at, n.values, "
            "(n.ts, n.seq) > (k.ts, k.seq) AS newer "
            "FROM unnest(%s, %s, %s, %s, %s, %s) AS n (device, ts, seq, received_at, seen_at, values) "
            "JOIN k ON k.device_id = n.device) "
            "UPDATE validation_latest l SET last_seen_at = greatest(l.last_seen_at, n.seen_at), "
            "ts = CASE WHEN newer THEN n.new_ts ELSE l.ts END, seq = CASE WHEN newer THEN n.new_seq ELSE l.seq END, "
            "received_at = CASE WHEN newer THEN n.received_at ELSE l.received_at END, "
            "values = CASE WHEN newer THEN n.values ELSE l.values END FROM n WHERE l.id = n.id "
            "RETURNING n.device_id, n.id, "
            "CASE WHEN isfinite(n.ts) THEN (extract(epoch FROM n.ts) * 1000000)::bigint END, n.interval_s, newer",
            [
                model_id,
                arrays.encode(arrays.INT8, [item.device_id for item in found]),
                arrays.encode(arrays.INT8, [item.device_id for item in found]),
                arrays.encode(arrays.TIMESTAMPTZ, columns.micros[lasts]),
                arrays.encode(arrays.INT8, columns.seqs[lasts]),
                arrays.encode(arrays.TIMESTAMPTZ, columns.received[lasts]),
                arrays.encode(arrays.TIMESTAMPTZ, [item.arrived for item in found]),
                arrays.encode(arrays.JSONB, [json.dumps(stored_values(columns, place)).encode() for place in lasts]),
            ],
        )
        return {device: Before(*row) for device, *row in cursor.fetchall()}


def _learn(columns: Columns, moved: Sequence[tuple[Newest, Before]]) -> None:
    """Write down the intervals that turned out to be others than was known."""
    changed = []
    for item, before in moved:
        interval = learned(before.interval_s, measured(columns, item, before.micros))
        if interval is not None and not _is_about(interval, before.interval_s):
            changed.append((before.row, interval))
    if changed:
        with server_side() as cursor:
            cursor.execute(
                "UPDATE validation_latest l SET interval_s = n.interval_s FROM unnest(%s, %s) AS n (id, interval_s) "
                "WHERE l.id = n.id",
                [
                    arrays.encode(arrays.INT8, [row for row, _ in changed]),
                    arrays.encode(arrays.FLOAT8, [interval for _, interval in changed]),
                ],
            )


def _is_about(interval: float, known: float | None) -> bool:
    return known is not None and abs(interval - known) <= NEGLIGIBLE * known


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
    micros = columns.micros[item.first : item.last + 1]
    slots = micros // MICROS_PER_SLOT
    last = np.flatnonzero(np.diff(slots, append=slots[-1] + 1))
    if len(last) > POINTS_OF_CHUNK:  # which only what is late has; evenly, up to the newest
        last = last[:: -ceil(len(last) / POINTS_OF_CHUNK)][::-1]
    ends, times = (last + item.first).tolist(), (micros[last] / 1e6).tolist()
    points: dict[str, list[Point]] = {}
    for field, column in columns.values:
        if field.kind in ("number", "integer", "boolean"):
            values = [column[place] for place in ends]
            run = list(zip(times, values, strict=True))
            if None in values:
                run = [point for point in run if point[1] is not None]
                if len(ends) < len(whole):
                    run = _run_of_slots(columns, column, whole)
            if run:
                points[field.name] = run
    return points


def _run_of_slots(columns: Columns, column: Sequence[Value], whole: Iterable[int]) -> list[Point]:
    """Return the last point of a field in each slot, where some slots end with a reading without that field.

    A device may well send one field in one message and the next field a millisecond later in another.
    """
    filled = (place for place in whole if column[place] is not None)
    last = {int(columns.micros[place]) // MICROS_PER_SLOT: place for place in filled}
    return [(int(columns.micros[place]) / 1e6, column[place]) for place in last.values()]
