"""The books: received = stored + duplicate + quarantined + in flight, exactly, at any time, through `kill -9`.

Two counts are kept apart, each in the transaction that makes it true. A buffer counts the messages it takes, together
with the append (`dataflow:received`, by minute). PostgreSQL counts the outcomes of a stream entry, together with the
rows, under the entry's own id; so an entry that is judged again changes nothing. `validation.audit` compares the two.

Old entries are folded into sums of a minute (`settle`), so that neither count grows with time.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import redis
from django.db import connection, transaction

from ingest.ring import RECEIVED, STREAM
from validation.models import LedgerMinute
from validation.streams import EntryId, entry_id

# Minutes after which a minute is closed. Bridges append within seconds; this also bears clocks that differ.
SETTLE_AFTER_MIN = 15


@dataclass(slots=True)
class Outcome:
    """What became of one stream entry. `messages` is what the buffer counted; an array message is many readings."""

    id: EntryId
    minute: int
    messages: int
    readings: int
    quarantined: int = 0
    duplicate: int = 0

    @property
    def stored(self) -> int:
        """Return how many readings were new."""
        return self.readings - self.quarantined - self.duplicate


def done(buffer: str, ids: Sequence[EntryId]) -> set[EntryId]:
    """Return which of some entries have an outcome already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.entry_ms, l.entry_seq FROM validation_ledgerentry l "
            "JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (ms, seq) "
            "ON l.entry_ms = asked.ms AND l.entry_seq = asked.seq WHERE l.buffer = %s",
            [[ms for ms, _ in ids], [seq for _, seq in ids], buffer],
        )
        return {(ms, seq) for ms, seq in cursor.fetchall()}


def record(buffer: str, outcomes: Sequence[Outcome]) -> bool:
    """Write the outcomes of some entries; say False when one of them has an outcome already.

    Call it last in the transaction that stores the rows, and roll that back on False. Blocks while another worker's
    transaction holds one of the entries.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_ledgerentry "
            "(buffer, entry_ms, entry_seq, minute, messages, readings, stored, duplicate, quarantined) "
            "SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::int[], "
            "%s::int[], %s::int[]) ON CONFLICT DO NOTHING",
            [
                buffer,
                [outcome.id[0] for outcome in outcomes],
                [outcome.id[1] for outcome in outcomes],
                [outcome.minute for outcome in outcomes],
                [outcome.messages for outcome in outcomes],
                [outcome.readings for outcome in outcomes],
                [outcome.stored for outcome in outcomes],
                [outcome.duplicate for outcome in outcomes],
                [outcome.quarantined for outcome in outcomes],
            ],
        )
        return cursor.rowcount == len(outcomes)


def count_duplicates(duplicates: Mapping[tuple[int, int], int], minutes: Sequence[int]) -> None:
    """Add to each device's count of readings that came again; `duplicates` by (entry, device), `minutes` by entry."""
    sums: Counter[tuple[int, int]] = Counter()
    for (entry, device), count in duplicates.items():
        if count:
            sums[device, minutes[entry]] += count
    for (device, minute), count in sorted(sums.items()):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO validation_duplicate AS d (device_id, minute, count) VALUES (%s, %s, %s) "
                "ON CONFLICT (device_id, minute) DO UPDATE SET count = d.count + excluded.count",
                [device, minute, count],
            )


def settle(client: redis.Redis, buffer: str, now: float | None = None) -> int:
    """Fold what is long done into sums of a minute, and return how many minutes of the buffer's count were taken over.

    Safe to run at any time and twice at once: entries are folded and deleted in one transaction, and a minute's count
    is set, not added, before the buffer forgets it. Only entries that have left the stream are folded, because the
    entry's own row is what makes a second judgement harmless.
    """
    closed = int((now or time.time()) // 60) - SETTLE_AFTER_MIN
    counts = {int(minute): int(count) for minute, count in client.hgetall(RECEIVED).items()}  # type: ignore[union-attr]
    old = {minute: count for minute, count in counts.items() if minute < closed}
    first = client.xrange(STREAM, count=1)
    oldest = entry_id(first[0][0]) if first else None  # type: ignore[index]  # the stubs also know asyncio's answer
    with transaction.atomic():
        _fold_entries(buffer, closed, oldest)
        for minute, count in sorted(old.items()):
            LedgerMinute.objects.update_or_create(buffer=buffer, minute=minute, defaults={"received": count})
    if old:
        client.hdel(RECEIVED, *[str(minute) for minute in old])
    return len(old)


def _fold_entries(buffer: str, closed: int, oldest: EntryId | None) -> None:
    """Move the entries of closed minutes that are older than the oldest one in the stream into their minutes' sums."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH folded AS (DELETE FROM validation_ledgerentry WHERE buffer = %s AND minute < %s "
            "AND (%s::bigint IS NULL OR (entry_ms, entry_seq) < (%s::bigint, %s::bigint)) RETURNING *) "
            "INSERT INTO validation_ledgerminute AS m (buffer, minute, messages, readings, stored, duplicate, quarantined) "
            "SELECT buffer, minute, sum(messages), sum(readings), sum(stored), sum(duplicate), sum(quarantined) "
            "FROM folded GROUP BY buffer, minute ORDER BY minute "
            "ON CONFLICT (buffer, minute) DO UPDATE SET messages = m.messages + excluded.messages, "
            "readings = m.readings + excluded.readings, stored = m.stored + excluded.stored, "
            "duplicate = m.duplicate + excluded.duplicate, quarantined = m.quarantined + excluded.quarantined",
            [buffer, closed, *((None, None, None) if oldest is None else (oldest[0], *oldest))],
        )
