"""What became of the envelopes that an import has sent: it is over only when each has an outcome in the ledger.

So an import sees how much was stored, and what a buffer loses with its data is sent again. An envelope that is neither
in its buffer any more nor in the ledger is lost, or was judged so long ago that the ledger has folded it; sending its
rows once more is right in the first case and harmless in the second.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import redis
from django.db import connection

from ingest.buffers import TAKEN_BACK, ring_urls
from ingest.models import Buffer
from ingest.ring import STREAM, Appended, connect, identity_of, without_password
from validation.imports.reader import Position
from validation.ledger import Tally
from validation.models import Quarantined
from validation.moments import moment
from validation.streams import EntryId

log = logging.getLogger(__name__)

LOOKED_AT = 1_000  # quarantined records of an envelope that are looked at for their reasons


class Sent(NamedTuple):
    """An envelope: its buffer and entry, how many messages, from when to when received, and where its rows begin."""

    buffer: str
    ms: int
    seq: int
    rows: int
    first: float
    last: float
    offset: int
    row: int

    @classmethod
    def of(cls, appended: Appended, received: Sequence[float], at: Position) -> Sent:
        """Return what is to be known of an envelope that was appended."""
        ms, _, seq = appended.entry.partition("-")
        return cls(appended.buffer, int(ms), int(seq), len(received), min(received), max(received), *at)

    @property
    def id(self) -> EntryId:
        """Return the entry's identity within its buffer."""
        return self.ms, self.seq


def outcomes(sent: Iterable[Sent]) -> dict[Sent, Tally]:
    """Return what became of the envelopes that have an outcome."""
    by_buffer: dict[str, dict[EntryId, Sent]] = defaultdict(dict)
    for one in sent:
        by_buffer[one.buffer][one.id] = one
    found: dict[Sent, Tally] = {}
    with connection.cursor() as cursor:
        for buffer, ids in by_buffer.items():
            cursor.execute(
                "SELECT l.entry_ms, l.entry_seq, l.stored, l.duplicate, l.quarantined FROM validation_ledgerentry l "
                "JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (ms, seq) "
                "ON l.entry_ms = asked.ms AND l.entry_seq = asked.seq WHERE l.buffer = %s",
                [[ms for ms, _ in ids], [seq for _, seq in ids], buffer],
            )
            for ms, seq, *counts in cursor.fetchall():
                found[ids[ms, seq]] = Tally(*counts)
    return found


def refusals(one: Sent) -> list[Quarantined]:
    """Return quarantined records of an envelope, the first LOOKED_AT of them."""
    # By the time of receipt, for which there is an index; floats are rounded to the microsecond as they are kept.
    span = moment(round(one.first * 1e6)), moment(round(one.last * 1e6))
    mine = Quarantined.objects.filter(received_at__range=span, buffer=one.buffer, entry=f"{one.ms}-{one.seq}")
    return list(mine.order_by("pk")[:LOOKED_AT])


def lost(sent: Sequence[Sent]) -> list[Sent]:
    """Return the envelopes that are nowhere any more. A buffer that does not answer keeps what it has.

    Blocks for a time-out for each buffer that is away.
    """
    gone = [one for one in sent if one not in _in_buffers(sent)]
    # An envelope leaves its buffer only after its outcome is committed, so this is asked after the buffer was.
    judged = outcomes(gone)
    return [one for one in gone if one not in judged]


def _in_buffers(sent: Sequence[Sent]) -> set[Sent]:
    """Return the envelopes that are in their buffers, or may be."""
    waiting: dict[str, list[Sent]] = defaultdict(list)
    for one in sent:
        waiting[one.buffer].append(one)
    there: set[Sent] = set()
    for url in ring_urls():
        try:
            with connect(url) as client:
                for one in waiting.pop(identity_of(client), ()):
                    name = f"{one.ms}-{one.seq}"
                    if client.xrange(STREAM, name, name, count=1):
                        there.add(one)
        except redis.RedisError as error:
            log.debug("the buffer %s cannot be asked: %s", without_password(url), error)
    # Those of a buffer that belongs to the ring and did not answer.
    away = Buffer.objects.filter(state__in=TAKEN_BACK, identity__in=waiting).values_list("identity", flat=True)
    return there | {one for buffer in away for one in waiting.get(buffer or "", ())}
