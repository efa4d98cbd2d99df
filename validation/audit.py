"""Check the books: compare what the buffers counted with the outcomes that PostgreSQL holds and what is on its way.

Both sides go on moving while we look, so each buffer is read in an order that makes the answer exact:

1. in one Redis transaction its own count of messages, and the stream's last id: the line up to which we look;
2. the entries up to that line that are still in the stream;
3. in one snapshot of PostgreSQL, the outcomes up to that line, and which of those entries have one already.

An entry that leaves the stream between 1 and 3 was committed before, so 3 finds it; one that arrives later lies beyond
the line. What no outcome and no entry accounts for is missing.

What the books call quarantined must be in quarantine, or counted as lost from there: all three are of one snapshot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import redis
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL

from ingest.devices import Registry
from ingest.envelope import Batch
from ingest.ring import RECEIVED, STREAM, connect, identify
from validation.models import DataModel, LedgerSettlement
from validation.pipeline import judge
from validation.publishing import Published
from validation.quarantine import expired
from validation.settling import SETTLING, read_settling
from validation.streams import Entry, EntryId, entries_up_to, entry_id
from validation.tables import table


@dataclass(slots=True)
class Books:
    """The ledger of one buffer, or of all: readings, but `in_flight` counts messages not judged yet as one each."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0
    in_flight: int = 0

    @property
    def missing(self) -> int:
        """Return what was received and is nowhere; negative when more came out than went in."""
        return self.received - self.stored - self.duplicate - self.quarantined - self.in_flight

    def add(self, other: Books) -> None:
        """Add another buffer's books."""
        self.received += other.received
        self.stored += other.stored
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined
        self.in_flight += other.in_flight


@dataclass(slots=True)
class Audit:
    """The answer: all books, those of each buffer, and every complaint in words.

    `expired` is how many of the quarantined are no longer kept.
    """

    total: Books = field(default_factory=Books)
    buffers: dict[str, Books] = field(default_factory=dict)
    expired: int = 0
    complaints: list[str] = field(default_factory=list)

    @property
    def balanced(self) -> bool:
        """Say whether everything received is accounted for."""
        return not self.complaints and self.total.missing == 0


def audit(urls: Sequence[str], since_minute: int = 0) -> Audit:
    """Audit all buffers from a minute (since 1970) on. Raises redis.RedisError when one cannot be asked."""
    result = Audit()
    for url in urls:
        with connect(url) as client:
            buffer = identify(url)
            result.buffers[buffer] = _books_of(client, buffer, since_minute)
    for buffer in _buffers_with_outcomes() - result.buffers.keys():
        result.complaints.append(
            f"The buffer {buffer} has outcomes but is not among BUFFER_URLS, or it lost its data: "
            "its count cannot be checked."
        )
    for buffer, books in result.buffers.items():
        result.total.add(books)
        if books.missing:
            result.complaints.append(f"The buffer {buffer}: {books.missing} received and not accounted for.")
    result.expired, complaint = expired(since_minute)
    if complaint:
        result.complaints.append(complaint)
    return result


def _books_of(client: redis.Redis, buffer: str, since_minute: int) -> Books:
    while True:
        counted = _count(client)
        waiting = {entry.id: entry for entry in entries_up_to(client, counted.line) if _minute(entry) >= since_minute}
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            settled = LedgerSettlement.objects.filter(buffer=buffer).first()
            outcomes = _outcomes(cursor, buffer, counted.line, since_minute)
            done = _done(cursor, buffer, list(waiting))
        if settled is None or settled.number <= counted.number:
            break
        # Counts that we saw in the buffer have been settled in the meantime: look again.
    # What a settlement has moved is in PostgreSQL from the moment that its number is.
    moving = {} if settled is not None and settled.number == counted.number else counted.settling
    mine = sum(count for run in (counted.received, moving) for minute, count in run.items() if minute >= since_minute)
    books = outcomes.books
    books.in_flight = sum(_messages(entry) for name, entry in waiting.items() if name not in done)
    # Arrays hold more readings than messages; only judging them shows how many.
    books.received = mine + outcomes.received + outcomes.readings - outcomes.messages
    return books


class Counted(NamedTuple):
    """A buffer's own count of messages by minute, and the last id it gave out, of one moment."""

    received: dict[int, int]
    number: int  # of the newest settlement
    settling: dict[int, int]
    line: EntryId


def _count(client: redis.Redis) -> Counted:
    with client.pipeline(transaction=True) as pipe:
        pipe.hgetall(RECEIVED)
        pipe.hgetall(SETTLING)
        pipe.xinfo_stream(STREAM)
        counts, moving, info = pipe.execute(raise_on_error=False)
    for answer in (counts, moving):
        if isinstance(answer, Exception):
            raise answer
    # Without a stream nothing was ever appended.
    line = (0, 0) if isinstance(info, redis.ResponseError) else entry_id(info["last-generated-id"])
    return Counted({int(minute): int(count) for minute, count in counts.items()}, *read_settling(moving), line)


def _minute(entry: Entry) -> int:
    return entry.batch.minute if entry.batch else entry.id[0] // 60_000


def _messages(entry: Entry) -> int:
    return len(entry.batch) if entry.batch else 0


class Outcomes(NamedTuple):
    """What PostgreSQL knows: messages whose count was settled, messages and readings judged, and what they came to."""

    received: int
    messages: int
    readings: int
    books: Books


def _outcomes(cursor: CursorWrapper, buffer: str, line: EntryId, since_minute: int) -> Outcomes:
    """Return the sums over single entries up to a line, and over settled minutes."""
    cursor.execute(
        "SELECT coalesce(sum(received), 0)::bigint, coalesce(sum(messages), 0)::bigint, "
        "coalesce(sum(readings), 0)::bigint, coalesce(sum(stored), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, "
        "coalesce(sum(quarantined), 0)::bigint FROM ("
        "SELECT 0 AS received, messages, readings, stored, duplicate, quarantined FROM validation_ledgerentry "
        "WHERE buffer = %s AND minute >= %s AND (entry_ms, entry_seq) <= (%s, %s) UNION ALL "
        "SELECT received, messages, readings, stored, duplicate, quarantined FROM validation_ledgerminute "
        "WHERE buffer = %s AND minute >= %s) AS outcomes",
        [buffer, since_minute, *line, buffer, since_minute],
    )
    received, messages, readings, stored, duplicate, quarantined = cursor.fetchone()
    return Outcomes(received, messages, readings, Books(stored=stored, duplicate=duplicate, quarantined=quarantined))


def _done(cursor: CursorWrapper, buffer: str, ids: list[EntryId]) -> set[EntryId]:
    cursor.execute(
        "SELECT entry_ms, entry_seq FROM validation_ledgerentry JOIN unnest(%s::bigint[], %s::bigint[]) AS a (ms, seq) "
        "ON entry_ms = ms AND entry_seq = seq WHERE buffer = %s",
        [[ms for ms, _ in ids], [seq for _, seq in ids], buffer],
    )
    return set(cursor.fetchall())


def _buffers_with_outcomes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT buffer FROM validation_ledgerentry UNION SELECT buffer FROM validation_ledgerminute")
        return {buffer for (buffer,) in cursor.fetchall()}


def audit_device(urls: Sequence[str], device: str, since_minute: int = 0) -> Books:
    """Return the books of one device, read from the tables themselves.

    No bridge knows whose a message is, so `received` is the sum of what was found; it shows what became of a device's
    readings, and cannot show that one is missing. Raises redis.RedisError when a buffer cannot be asked.
    """
    # In the order of the audit of all books: first what waits, then one snapshot of what has an outcome.
    waiting = {url: _waiting(url, since_minute) for url in urls}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
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
        count = SQL("SELECT count(*) FROM {} WHERE device_id = %s AND received_at >= to_timestamp(%s)")
        cursor.execute(count.format(table(model)), [identity, since_minute * 60])
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
        entries = entries_up_to(client, _count(client).line)
        return identify(url), [entry for entry in entries if entry.batch and _minute(entry) >= since_minute]


def _without_outcome(cursor: CursorWrapper, buffer: str, entries: Sequence[Entry]) -> list[Batch]:
    done = _done(cursor, buffer, [entry.id for entry in entries])
    return [entry.batch for entry in entries if entry.batch and entry.id not in done]
