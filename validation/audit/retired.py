"""The books of buffers that are in the ring no longer, which stand in PostgreSQL alone.

One that left in order has handed over all its counts. Of one that has lost its data, what was received is known as far
as it was looked at, and what is gone is missing until somebody writes it off; from then on it is `lost`.
"""

from __future__ import annotations

from django.db import connection

from ingest.models import Buffer
from validation.audit.books import Books
from validation.audit.buffers import BufferBooks
from validation.losses import losses


def retired(since: int, listed: int) -> dict[str, BufferBooks]:
    """Return the books of each from a minute on; its minutes from `listed` on, and those that do not balance."""
    rows = Buffer.objects.filter(state__in=(Buffer.State.REMOVED, Buffer.State.LOST)).exclude(identity=None)
    return {str(row.identity): _books_of(row, since, listed) for row in rows}


def complaints() -> list[str]:
    """Return what is to be said of buffers that have lost their data or that nobody finds."""
    said = [_lost(row) for row in Buffer.objects.filter(state=Buffer.State.LOST)]
    astray = Buffer.objects.filter(state__in=(Buffer.State.ACTIVE, Buffer.State.DRAINING), url="")
    return said + [f"The buffer {row} belongs to the ring, and nobody knows its address now." for row in astray]


def _books_of(row: Buffer, since: int, listed: int) -> BufferBooks:
    gone = row.state == Buffer.State.LOST
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT minute, coalesce(sum(received + readings - messages), 0)::bigint, "
            "coalesce(sum(stored), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, "
            "coalesce(sum(quarantined), 0)::bigint, coalesce(sum(lost), 0)::bigint FROM ("
            "SELECT minute, 0 AS received, messages, readings, stored, duplicate, quarantined, 0 AS lost "
            "FROM validation_ledgerentry WHERE buffer = %s AND minute >= %s UNION ALL "
            "SELECT minute, received, messages, readings, stored, duplicate, quarantined, 0 "
            "FROM validation_ledgerminute WHERE buffer = %s AND minute >= %s UNION ALL "
            "SELECT minute, uncounted, 0, 0, 0, 0, 0, lost FROM ingest_writtenoff WHERE buffer = %s AND minute >= %s"
            ") AS books GROUP BY GROUPING SETS ((), (minute)) HAVING grouping(minute) = 1 OR minute >= %s "
            "OR sum(received + readings - messages) <> sum(stored + duplicate + quarantined + lost)",
            [row.identity, since] * 3 + [since if gone else listed],
        )
        total, minutes = Books(), dict[int, Books]()
        for minute, received, stored, duplicate, quarantined, lost in cursor.fetchall():
            books = Books(received, stored, duplicate, quarantined, lost=lost)
            if minute is None:
                total = books
            else:
                minutes[minute] = books
    for loss in losses(row, since) if gone else ():
        for books in (total, minutes.setdefault(loss.minute, Books())):
            books.received += loss.uncounted
    return BufferBooks(total, {at: books for at, books in minutes.items() if at >= listed or books.missing})


def _lost(row: Buffer) -> str:
    looked = f"What it had counted was last looked at on {row.seen['at']}" if row.seen else "It was never looked at"
    return (
        f"The buffer {row} has lost its data, and another one answers at its address since {row.since:%F %T} UTC. "
        f"{looked}; what it took afterwards and nobody judged cannot be known. "
        f"`manage.py buffers remove {row} --lost` writes off what is missing."
    )
