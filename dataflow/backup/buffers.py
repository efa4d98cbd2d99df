"""What the buffers hold when a backup is made and when it comes back: what a restore means for the books.

A backup holds one moment of PostgreSQL. The buffers go on: what they held then is judged later, leaves the stream, and
its outcome stands only in the database that was lost. So a restore compares what each buffer took and holds now with
what it took and held then, and says what is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import redis

from dataflow.backup.manifest import BufferState
from dataflow.backup.survey import Connection, one
from ingest.ring import RECEIVED, STREAM, connect, identify, without_password
from validation.settling import SETTLING, read_settling
from validation.streams import EntryId, entries_up_to, entry_id

UNKNOWN = -1  # a server older than Redis 7 does not count the entries it took


@dataclass(frozen=True, slots=True)
class Seen:
    """A buffer as it is, before PostgreSQL was asked which of its entries have an outcome."""

    id: str
    waiting: dict[EntryId, int]  # messages by entry
    added: int
    unsettled: int
    number: int


@dataclass(frozen=True, slots=True)
class Moved:
    """What became of a buffer between backup and restore; None where nobody can say.

    Waiting is judged as soon as a worker runs. Lost was judged in between, and only the lost database knew the outcome.
    """

    id: str
    waiting_entries: int | None
    waiting_messages: int | None
    lost_entries: int | None
    lost_messages: int | None

    @property
    def sentence(self) -> str:
        """Return it in words."""
        if self.waiting_entries is None:
            return (
                f"The buffer {self.id} answered when the backup was made and does not now. What was judged since "
                "cannot be told; what it still holds is judged when it is back."
            )
        waits = f"{self.waiting_messages:,} messages wait in it and are judged when workers run"
        if self.lost_entries is None:
            return f"The buffer {self.id}: {waits}; how many were judged since the backup cannot be told."
        if self.lost_entries == 0:
            return f"The buffer {self.id}: {waits}; nothing was judged since the backup, so nothing is missing."
        lost = f"{self.lost_entries:,} entries"
        if self.lost_messages is not None:
            lost += f" with {self.lost_messages:,} messages"
        return f"The buffer {self.id}: {waits}; {lost} were judged since the backup, and their readings are not in it."


def look(urls: Sequence[str]) -> tuple[list[Seen], list[str]]:
    """Ask every buffer what it holds; return also the addresses, without passwords, that did not answer.

    Blocks for a second a buffer that does not answer, and for as long as reading a backlog takes.
    """
    seen, silent = [], []
    for url in urls:
        try:
            with connect(url) as client:
                seen.append(_look(client, identify(url)))
        except (redis.RedisError, OSError):
            silent.append(without_password(url))
    return seen, silent


def _look(client: redis.Redis, identity: str) -> Seen:
    with client.pipeline(transaction=True) as pipe:
        pipe.hgetall(RECEIVED)
        pipe.hgetall(SETTLING)
        pipe.xinfo_stream(STREAM)
        counted, moving, info = pipe.execute(raise_on_error=False)
    for answer in (counted, moving):
        if isinstance(answer, Exception):
            raise answer
    number, settling = read_settling(moving)
    unsettled = sum(map(int, counted.values())) + sum(settling.values())
    if isinstance(info, redis.ResponseError):  # no stream: nothing was ever appended
        return Seen(identity, {}, 0, unsettled, number)
    if isinstance(info, Exception):
        raise info
    line, added = entry_id(info["last-generated-id"]), int(info.get("entries-added", UNKNOWN))
    waiting = {entry.id: len(entry.batch) if entry.batch else 0 for entry in entries_up_to(client, line)}
    return Seen(identity, waiting, added, unsettled, number)


def states(seen: Iterable[Seen], connection: Connection) -> list[BufferState]:
    """Return what was seen without the entries that have an outcome in the database."""
    return [_state(buffer, _done(connection, buffer)) for buffer in seen]


def _state(buffer: Seen, done: set[EntryId]) -> BufferState:
    left = [messages for entry, messages in buffer.waiting.items() if entry not in done]
    return BufferState(buffer.id, len(left), sum(left), buffer.added, buffer.unsettled, buffer.number)


def _done(connection: Connection, buffer: Seen) -> set[EntryId]:
    if one(connection, "SELECT to_regclass('public.validation_ledgerentry')") is None:
        return set()
    ids = list(buffer.waiting)
    cursor: Any = connection.execute(
        "SELECT entry_ms, entry_seq FROM public.validation_ledgerentry "
        "JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (ms, seq) ON entry_ms = ms AND entry_seq = seq "
        "WHERE buffer = %s",
        [[ms for ms, _ in ids], [seq for _, seq in ids], buffer.id],
    )
    return set(cursor.fetchall())


def compare(then: Sequence[BufferState], now: Sequence[BufferState], all_answered: bool) -> list[Moved]:
    """Return what became of each buffer that the backup or the ring of today knows. Pure.

    When all buffers answered while the backup was made, one that it does not know came later.
    """
    before = {state.id: state for state in then}
    moved = [_moved(before.get(state.id) or _unknown(state.id, all_answered), state) for state in now]
    gone = before.keys() - {state.id for state in now}
    return moved + [Moved(identity, None, None, None, None) for identity in sorted(gone)]


def _unknown(identity: str, all_answered: bool) -> BufferState:
    return BufferState(identity, 0, 0, 0 if all_answered else UNKNOWN, 0, 0)


def _moved(then: BufferState, now: BufferState) -> Moved:
    entries = messages = None
    if UNKNOWN not in (then.added, now.added):
        entries = then.entries + now.added - then.added - now.entries
        # Counts that were settled in between went into the lost database.
        if then.number == now.number:
            messages = then.messages + now.unsettled - then.unsettled - now.messages
    return Moved(now.id, now.entries, now.messages, entries, messages)
