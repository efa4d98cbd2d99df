"""The table of newest values: one row for each device and model, moved forward with every chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from django.db import connection

from validation import arrays
from validation.binding import server_side
from validation.columns import Columns
from validation.newest import Newest, newest, stored_values

# How a device's interval is learned: a step counts for a fifth, and at most halves or doubles what was known, so that
# an outage of an hour does not make the device look slow for a day.
WEIGHT, WIDEST_STEP = 0.2, 2.0
NEGLIGIBLE = 0.005  # share of an interval by which it may be wrong before it is written anew

Key = tuple[int, int]  # of a row: model and device


class Found(NamedTuple):
    """The newest reading of one device in some columns; event time and receipt in microseconds since 1970."""

    columns: Columns
    model: int
    item: Newest
    micros: int
    seq: int
    received: int

    @property
    def key(self) -> Key:
        """Return whose row it is for."""
        return self.model, self.item.device_id


class Before(NamedTuple):
    """What was known of a device: its row, the newest event time in microseconds (None before the first one)."""

    row: int
    micros: int | None
    interval_s: float | None
    is_moved: bool  # because the chunk has something newer


def update_latest(parts: Sequence[tuple[Columns, int]]) -> int:
    """Move the newest values forward where event times are newer, and note that the devices were heard of.

    Return how many rows it touched. `parts` are stored rows, each with the number of their model. Call it once in the
    transaction that stores them. Rows are locked in the order of their models and devices, so that two workers do not
    wait for each other in a circle, and they are read once they are locked: what one worker found newer cannot be put
    back by another that looked before it.
    """
    found = [one for columns, model in parts for one in _found(columns, model)]
    if not found:
        return 0
    known = _move_forward(found)
    if len(known) < len(found):
        missing = [one for one in found if one.key not in known]
        _make_rows(missing)
        known |= _move_forward(missing)
    _learn([(one, known[one.key]) for one in found if known[one.key].is_moved])
    return len(found)


def _found(columns: Columns, model: int) -> Iterator[Found]:
    # Out of the arrays at once: a chunk may have thousands of devices, and single numbers of an array are slow.
    items = list(newest(columns))
    lasts = [item.last for item in items]
    micros, seqs, received = (column[lasts].tolist() for column in (columns.micros, columns.seqs, columns.received))
    for item, *rest in zip(items, micros, seqs, received, strict=True):
        yield Found(columns, model, item, *rest)


def _make_rows(missing: Sequence[Found]) -> None:
    """Make rows that anything is newer than; nobody sees them before this transaction has filled them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_latest (device_id, model_id, ts, seq, received_at, last_seen_at, values) "
            "SELECT device, model, '-infinity', -1, '-infinity', '-infinity', '{}' "
            "FROM unnest(%s::bigint[], %s::bigint[]) AS n (model, device) ORDER BY model, device "
            "ON CONFLICT DO NOTHING",
            [[one.model for one in missing], [one.item.device_id for one in missing]],
        )


def _move_forward(found: Sequence[Found]) -> dict[Key, Before]:
    """Lock the rows of some devices and write what is newer; return what was there, where there is a row."""
    with server_side() as cursor:
        cursor.execute(
            "WITH n AS (SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s) "
            "AS n (model, device, ts, seq, received_at, seen_at, values)), "
            "k AS (SELECT l.id, l.model_id, l.device_id, l.ts, l.seq, l.interval_s FROM validation_latest l "
            "JOIN n ON l.model_id = n.model AND l.device_id = n.device "
            "ORDER BY l.model_id, l.device_id FOR UPDATE OF l), "
            "m AS (SELECT k.*, n.ts AS new_ts, n.seq AS new_seq, n.received_at, n.seen_at, n.values, "
            "(n.ts, n.seq) > (k.ts, k.seq) AS newer "
            "FROM n JOIN k ON k.model_id = n.model AND k.device_id = n.device) "
            "UPDATE validation_latest l SET last_seen_at = greatest(l.last_seen_at, m.seen_at), "
            "ts = CASE WHEN newer THEN m.new_ts ELSE l.ts END, seq = CASE WHEN newer THEN m.new_seq ELSE l.seq END, "
            "received_at = CASE WHEN newer THEN m.received_at ELSE l.received_at END, "
            "values = CASE WHEN newer THEN m.values ELSE l.values END FROM m WHERE l.id = m.id "
            "RETURNING m.model_id, m.device_id, m.id, "
            "CASE WHEN isfinite(m.ts) THEN (extract(epoch FROM m.ts) * 1000000)::bigint END, m.interval_s, newer",
            _parameters(found),
        )
        return {(model, device): Before(*row) for model, device, *row in cursor.fetchall()}


def _parameters(found: Sequence[Found]) -> list[arrays.Array]:
    values = [msgspec.json.encode(stored_values(one.columns, one.item.last)) for one in found]
    return [
        arrays.encode(arrays.INT8, [one.model for one in found]),
        arrays.encode(arrays.INT8, [one.item.device_id for one in found]),
        arrays.encode(arrays.TIMESTAMPTZ, [one.micros for one in found]),
        arrays.encode(arrays.INT8, [one.seq for one in found]),
        arrays.encode(arrays.TIMESTAMPTZ, [one.received for one in found]),
        arrays.encode(arrays.TIMESTAMPTZ, [one.item.arrived for one in found]),
        arrays.encode(arrays.JSONB, values),
    ]


def _learn(moved: Sequence[tuple[Found, Before]]) -> None:
    """Write down the intervals that turned out to be others than was known."""
    changed = []
    for one, before in moved:
        interval = learned(before.interval_s, measured(one.columns, one.item, before.micros))
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
    if item.first == item.last:  # as most are where there are thousands
        moment = int(columns.micros[item.last])
        return (moment - since) / 1e6 if since is not None and moment > since else None
    micros = columns.micros[item.first : item.last + 1]
    begin = int(micros[0]) if since is None else since
    moments = len(np.unique(micros[np.searchsorted(micros, begin, side="right") :]))
    return (int(micros[-1]) - begin) / 1e6 / moments if moments else None


def learned(known: float | None, step: float | None) -> float | None:
    """Return the seconds between readings that are believed in after a step was measured. Pure."""
    if known is None or step is None:
        return known if step is None else step
    return known * (1 - WEIGHT) + WEIGHT * max(known / WIDEST_STEP, min(known * WIDEST_STEP, step))
