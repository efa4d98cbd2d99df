"""Fold what is long done into sums of a minute, so that neither side of the ledger grows with time.

Why it goes in these steps stands in docs/decisions/settling-the-ledger.md.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import redis
from django.db import connection, transaction

from ingest.models import Buffer
from ingest.ring import RECEIVED
from validation.models import LedgerEntry, LedgerSettlement
from validation.streams import EntryId, oldest

# Minutes after which a minute is closed. Bridges append within seconds; this also bears clocks that differ.
SETTLE_AFTER_MIN = 15

# A hash on every buffer: counts that are moving from RECEIVED into PostgreSQL, and the number of that settlement.
SETTLING = "dataflow:settling"
# Move the counts of some minutes, unless an earlier settlement is still under way.
BEGIN_SETTLING = """
if redis.call('HLEN', KEYS[2]) > 1 or #ARGV == 0 then return end
redis.call('HINCRBY', KEYS[2], 'number', 1)
for _, minute in ipairs(ARGV) do
  local count = redis.call('HGET', KEYS[1], minute)
  if count then
    redis.call('HSET', KEYS[2], minute, count)
    redis.call('HDEL', KEYS[1], minute)
  end
end
"""
# Let go of the counts of a settlement, unless the next one has begun.
END_SETTLING = """
if redis.call('HGET', KEYS[1], 'number') == ARGV[1] then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'number', ARGV[1])
end
"""


def settle(client: redis.Redis, buffer: str, now: float | None = None, *, all_counts: bool = False) -> int:
    """Fold what is long done into sums of a minute, and return how many minutes of the buffer's count were taken over.

    Safe to run at any time, twice at once, and to die in. Entries are folded and deleted in one transaction, and only
    those that have left the stream, because the entry's own row is what makes a second judgement harmless. Counts move
    in three steps: into the buffer's SETTLING under the next number, into PostgreSQL together with that number, and
    out of the buffer. Whoever finds SETTLING filled goes on from there; the number says whether step two was done.
    With `all_counts` also the counts of minutes that are not closed are taken over: the buffer is to leave the ring.
    """
    closed = int((now or time.time()) // 60) - SETTLE_AFTER_MIN
    old = [minute for minute in client.hkeys(RECEIVED) if all_counts or int(minute) < closed]
    client.eval(BEGIN_SETTLING, 2, RECEIVED, SETTLING, *old)
    moving: Any = client.hgetall(SETTLING)
    number, counts = read_settling(moving)
    first = oldest(client)
    with transaction.atomic():
        settlement, _ = LedgerSettlement.objects.select_for_update().get_or_create(buffer=buffer)
        _fold_entries(buffer, closed, first)
        if settlement.number < number:
            _add_received(buffer, counts)
            settlement.number = number
            settlement.save()
    client.eval(END_SETTLING, 1, SETTLING, number)
    return len(counts)


def settle_removed(now: float | None = None) -> None:
    """Fold what is long done of buffers that have left the ring; nothing of it can be in a stream any more."""
    closed = int((now or time.time()) // 60) - SETTLE_AFTER_MIN
    removed = Buffer.objects.filter(state=Buffer.State.REMOVED).exclude(identity=None)
    for buffer in removed.values_list("identity", flat=True):
        if buffer and LedgerEntry.objects.filter(buffer=buffer, minute__lt=closed).exists():
            with transaction.atomic():
                LedgerSettlement.objects.select_for_update().get_or_create(buffer=buffer)
                _fold_entries(buffer, closed, None)


def read_settling(fields: Mapping[bytes, bytes]) -> tuple[int, dict[int, int]]:
    """Return the number of a buffer's newest settlement, and the counts by minute that it has not let go of."""
    counts = {int(minute): int(count) for minute, count in fields.items() if minute != b"number"}
    return int(fields.get(b"number", 0)), counts


def _add_received(buffer: str, counts: Mapping[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_ledgerminute AS m "
            "(buffer, minute, received, messages, readings, stored, duplicate, quarantined) "
            "SELECT %s, minute, count, 0, 0, 0, 0, 0 FROM unnest(%s::bigint[], %s::bigint[]) AS c (minute, count) "
            "ON CONFLICT (buffer, minute) DO UPDATE SET received = m.received + excluded.received",
            [buffer, list(counts), list(counts.values())],
        )


def _fold_entries(buffer: str, closed: int, first: EntryId | None) -> None:
    """Move the entries of closed minutes that came before the first one in the stream into their minutes' sums.

    The lock on the buffer's settlement keeps `moves.move` from changing an entry that is being folded.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH folded AS (DELETE FROM validation_ledgerentry WHERE buffer = %s AND minute < %s "
            "AND (%s::bigint IS NULL OR (entry_ms, entry_seq) < (%s::bigint, %s::bigint)) RETURNING *), "
            # In order, because other buffers add to the same rows.
            "judged AS (INSERT INTO validation_ledgerverdict AS v "
            "(minute, model, version, stored, duplicate, quarantined) "
            "SELECT minute, (n->>0)::bigint, (n->>1)::int, sum((n->>2)::bigint), sum((n->>3)::bigint), "
            "sum((n->>4)::bigint) FROM folded, jsonb_array_elements(verdicts) AS n GROUP BY 1, 2, 3 ORDER BY 1, 2, 3 "
            "ON CONFLICT (minute, model, version) DO UPDATE SET stored = v.stored + excluded.stored, "
            "duplicate = v.duplicate + excluded.duplicate, quarantined = v.quarantined + excluded.quarantined), "
            "traced AS (INSERT INTO validation_ledgertrail AS t (buffer, minute, entries) "
            # As `trails.ENTRY` reads it.
            "SELECT buffer, minute, string_agg(int8send(entry_ms) || int8send(entry_seq) || "
            "int8send((extract(epoch FROM judged_at) * 1000000)::bigint) || int4send(length(trail)) || trail, '' "
            "ORDER BY entry_ms, entry_seq) FROM folded GROUP BY buffer, minute ORDER BY minute "
            "ON CONFLICT (buffer, minute) DO UPDATE SET entries = t.entries || excluded.entries) "
            "INSERT INTO validation_ledgerminute AS m "
            "(buffer, minute, received, messages, readings, stored, duplicate, quarantined) "
            "SELECT buffer, minute, 0, sum(messages), sum(readings), sum(stored), sum(duplicate), sum(quarantined) "
            "FROM folded GROUP BY buffer, minute ORDER BY minute "
            "ON CONFLICT (buffer, minute) DO UPDATE SET messages = m.messages + excluded.messages, "
            "readings = m.readings + excluded.readings, stored = m.stored + excluded.stored, "
            "duplicate = m.duplicate + excluded.duplicate, quarantined = m.quarantined + excluded.quarantined",
            [buffer, closed, *((None, None, None) if first is None else (first[0], *first))],
        )
