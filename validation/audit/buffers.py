"""One buffer's side of the books, and PostgreSQL's about it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import redis
from django.db.backends.utils import CursorWrapper

from ingest.ring import RECEIVED, STREAM
from validation.audit.books import Books
from validation.audit.snapshot import one_snapshot
from validation.models import LedgerSettlement
from validation.settling import SETTLING, read_settling
from validation.streams import Entry, EntryId, entries_up_to, entry_id

NO_MINUTE = 2**62  # later than any: list none


class BufferBooks(NamedTuple):
    """The books of a buffer, and of its minutes that were asked for, that are moving, or that do not balance."""

    total: Books
    minutes: dict[int, Books]


class Counted(NamedTuple):
    """A buffer's own count of messages by minute, and the last id it gave out, of one moment."""

    received: dict[int, int]
    number: int  # of the newest settlement
    settling: dict[int, int]
    line: EntryId


class Sums(NamedTuple):
    """What PostgreSQL knows: messages whose count was settled, messages and readings judged, and what they came to."""

    received: int = 0
    messages: int = 0
    readings: int = 0
    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0


def books_of(client: redis.Redis, buffer: str, since: int, listed: int = NO_MINUTE) -> BufferBooks:
    """Return the books of a buffer from a minute on; its minutes from `listed` on, and those that do not balance."""
    while True:
        counted = count(client)
        waiting = {entry.id: entry for entry in entries_up_to(client, counted.line) if minute_of(entry) >= since}
        moving = {*counted.received, *counted.settling, *map(minute_of, waiting.values())}
        with one_snapshot() as cursor:
            settled = LedgerSettlement.objects.filter(buffer=buffer).first()
            total, minutes = _sums(cursor, buffer, counted.line, since, listed, moving)
            left = waiting.keys() - done(cursor, buffer, list(waiting))
        if settled is None or settled.number <= counted.number:
            break
        # Counts that we saw in the buffer have been settled in the meantime: look again.
    # What a settlement has moved is in PostgreSQL from the moment that its number is.
    settling = {} if settled is not None and settled.number == counted.number else counted.settling
    mine = _from(since, counted.received, settling)
    in_flight: Counter[int] = Counter()
    for name in left:
        in_flight[minute_of(waiting[name])] += _messages(waiting[name])
    by_minute = {
        minute: _books(minutes[minute], mine[minute], in_flight[minute])
        for minute in sorted(minutes.keys() | mine.keys() | in_flight.keys())
    }
    kept = {minute: books for minute, books in by_minute.items() if minute >= listed or books.missing}
    return BufferBooks(_books(total, mine.total(), in_flight.total()), kept)


def _from(since: int, *counts: dict[int, int]) -> Counter[int]:
    total: Counter[int] = Counter()
    for count in counts:
        for minute, messages in count.items():
            if minute >= since:
                total[minute] += messages
    return total


def _books(sums: Sums, mine: int, in_flight: int) -> Books:
    # Arrays hold more readings than messages; only judging them shows how many.
    received = mine + sums.received + sums.readings - sums.messages
    return Books(received, sums.stored, sums.duplicate, sums.quarantined, in_flight)


def count(client: redis.Redis) -> Counted:
    """Ask a buffer what it has counted, and up to which entry."""
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


def minute_of(entry: Entry) -> int:
    """Return the minute (since 1970) that an entry is counted under."""
    return entry.batch.minute if entry.batch else entry.id[0] // 60_000


def _messages(entry: Entry) -> int:
    return len(entry.batch) if entry.batch else 0


def _sums(
    cursor: CursorWrapper, buffer: str, line: EntryId, since: int, listed: int, moving: Iterable[int]
) -> tuple[Sums, dict[int, Sums]]:
    """Return the sums over single entries up to a line and over settled minutes: of all, and by minute.

    Minutes are left out when they are older than `listed`, not moving, and have as many messages out as in.
    """
    cursor.execute(
        "SELECT minute, coalesce(sum(received), 0)::bigint, coalesce(sum(messages), 0)::bigint, "
        "coalesce(sum(readings), 0)::bigint, coalesce(sum(stored), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, "
        "coalesce(sum(quarantined), 0)::bigint FROM ("
        "SELECT minute, 0 AS received, messages, readings, stored, duplicate, quarantined "
        "FROM validation_ledgerentry WHERE buffer = %s AND minute >= %s AND (entry_ms, entry_seq) <= (%s, %s) "
        "UNION ALL SELECT minute, received, messages, readings, stored, duplicate, quarantined "
        "FROM validation_ledgerminute WHERE buffer = %s AND minute >= %s) AS outcomes "
        "GROUP BY GROUPING SETS ((), (minute)) HAVING grouping(minute) = 1 OR minute >= %s OR minute = ANY(%s) "
        "OR sum(received) <> sum(messages) OR sum(readings) <> sum(stored + duplicate + quarantined)",
        [buffer, since, *line, buffer, since, listed, sorted(moving)],
    )
    total, minutes = Sums(), defaultdict[int, Sums](Sums)
    for minute, *sums in cursor.fetchall():
        if minute is None:
            total = Sums(*sums)
        else:
            minutes[minute] = Sums(*sums)
    return total, minutes


def done(cursor: CursorWrapper, buffer: str, ids: Sequence[EntryId]) -> set[EntryId]:
    """Return which of some entries have an outcome of their own."""
    cursor.execute(
        "SELECT entry_ms, entry_seq FROM validation_ledgerentry JOIN unnest(%s::bigint[], %s::bigint[]) AS a (ms, seq) "
        "ON entry_ms = ms AND entry_seq = seq WHERE buffer = %s",
        [[ms for ms, _ in ids], [seq for _, seq in ids], buffer],
    )
    return set(cursor.fetchall())
