"""The books of one device."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL

from ingest.devices import Registry
from ingest.envelope import Batch
from ingest.ring import connect, identify
from validation.audit.books import Books
from validation.audit.buffers import count, done, minute_of
from validation.audit.snapshot import one_snapshot
from validation.models import DataModel
from validation.pipeline import judge
from validation.publishing import Published
from validation.streams import Entry, entries_up_to
from validation.tables import table


def audit_device(urls: Sequence[str], device: str, since_minute: int = 0) -> Books:
    """Return the books of one device, read from the tables themselves.

    No bridge knows whose a message is, so `received` is the sum of what was found; it shows what became of a device's
    readings, and cannot show that one is missing. Raises redis.RedisError when a buffer cannot be asked.
    """
    # In the order of the audit of all books: first what waits, then one snapshot of what has an outcome.
    waiting = {url: _waiting(url, since_minute) for url in urls}
    with one_snapshot() as cursor:
        books = _device_books(cursor, device, since_minute)
        left = [batch for buffer, entries in waiting.values() for batch in _without_outcome(cursor, buffer, entries)]
        catalog = Published().catalog()
    judgement = judge(left, catalog)
    books.in_flight = sum(rows.devices.count(device) for rows in judgement.rows.values())
    books.in_flight += sum(rejected.device == device for rejected in judgement.rejected)
    books.received = books.stored + books.duplicate + books.quarantined + books.in_flight
    return books


def _device_books(cursor: CursorWrapper, device: str, since_minute: int) -> Books:
    """Count a device's rows, its duplicates and its quarantined readings."""
    books = Books()
    identity = Registry().ids([device], register=False).get(device, -1)
    for model in DataModel.objects.filter(versions__isnull=False).distinct().values_list("name", flat=True):
        rows = SQL("SELECT count(*) FROM {} WHERE device_id = %s AND received_at >= to_timestamp(%s)")
        cursor.execute(rows.format(table(model)), [identity, since_minute * 60])
        books.stored += cursor.fetchone()[0]
    cursor.execute(
        "SELECT coalesce((SELECT sum(count) FROM validation_duplicate "
        "WHERE device_id = %s AND minute >= %s), 0)::bigint, "
        "(SELECT count(*) FROM validation_quarantined WHERE device = %s AND received_at >= to_timestamp(%s))",
        [identity, since_minute, device, since_minute * 60],
    )
    books.duplicate, books.quarantined = cursor.fetchone()
    return books


def _waiting(url: str, since_minute: int) -> tuple[str, list[Entry]]:
    """Return a buffer's identity and the batches in its stream."""
    with connect(url) as client:
        entries = entries_up_to(client, count(client).line)
        return identify(url), [entry for entry in entries if entry.batch and minute_of(entry) >= since_minute]


def _without_outcome(cursor: CursorWrapper, buffer: str, entries: Sequence[Entry]) -> list[Batch]:
    finished = done(cursor, buffer, [entry.id for entry in entries])
    return [entry.batch for entry in entries if entry.batch and entry.id not in finished]
