"""What happens to a few readings besides being stored once: they come again, or a replay stores them.

The ledger counts such readings; a note names them, so that one can be traced. A transaction writes one note for all
readings of a model that it found, 28 bytes for each, and notes are kept as long as trails.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
from django.db import connection

from validation.columns import Columns
from validation.models import ReadingNote
from validation.moments import moment
from validation.trails import KEEP_DAYS

READING = np.dtype([("device", ">i4"), ("ts", ">i8"), ("seq", ">i8"), ("received", ">i8")])
MOST = 2_000  # notes that are looked through for one reading, the newest first
DELETED_AT_ONCE = 10_000


class Noted(NamedTuple):
    """A note about one reading: when and by which replay it was made, and when the copy that it is about came."""

    kind: str
    at: datetime
    replay: int | None
    received: datetime


def note(
    kind: ReadingNote.Kind, columns: Columns, places: Sequence[int], model: int, replay: int | None = None
) -> None:
    """Note the readings at some places, in the transaction that makes it so. Nothing is written when there are none."""
    if not len(places):
        return
    chosen = np.asarray(places)
    readings = np.empty(len(chosen), READING)
    readings["device"], readings["ts"] = columns.devices[chosen], columns.micros[chosen]
    readings["seq"], readings["received"] = columns.seqs[chosen], columns.received[chosen]
    ReadingNote.objects.create(
        kind=kind,
        model=model,
        replay=replay,
        first=int(readings["ts"].min()),
        last=int(readings["ts"].max()),
        readings=readings.tobytes(),
    )


def find(model: int, device: int, ts: int, seq: int) -> list[Noted]:
    """Return the notes about one reading, oldest first; `ts` is its event time in microseconds since 1970."""
    rows = ReadingNote.objects.filter(model=model, first__lte=ts, last__gte=ts).order_by("-id")[:MOST]
    found: list[Noted] = []
    for row in rows:
        readings = np.frombuffer(bytes(row.readings), READING)
        same = (readings["device"] == device) & (readings["ts"] == ts) & (readings["seq"] == seq)
        found += [Noted(row.kind, row.at, row.replay, moment(int(one))) for one in readings["received"][same]]
    return found[::-1]


def prune(now: datetime) -> int:
    """Delete notes that are older than trails are kept, some thousand at once; return how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM validation_readingnote WHERE id IN "
            "(SELECT id FROM validation_readingnote WHERE at < %s ORDER BY at LIMIT %s)",
            [now - timedelta(days=KEEP_DAYS), DELETED_AT_ONCE],
        )
        return int(cursor.rowcount)
