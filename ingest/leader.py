"""A leader for what must happen once, whoever runs.

    with leading("tidy") as leadership:             for one piece of work; None while another one leads
        if leadership:
            with fenced(leadership):                a transaction in which nobody else can become the leader
                Thing.objects.filter(…).delete()

    candidate = Candidate("bridges", holder)        for a process that stays: ask every few seconds
    leadership = candidate.lead()

The lead is an advisory lock of PostgreSQL, held by a connection of its own, so it ends with the process. The server
ends it as well when the connection has been idle for `IDLE_S`: a leader that stands still, or is cut off, is replaced
as one that has died. What such a leader does when it wakes up is stopped by its epoch: each change of the leader raises
the number in the table, and `fenced` lets no write pass under an older one.

Session locks need a session: not through a pooler that gives each transaction another one.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection, transaction
from psycopg import Cursor

from ingest.postgres import Postgres

log = logging.getLogger(__name__)

RENEW_S = 2.0  # how often a leader has to show itself, and how often others look whether there is one
IDLE_S = 6.0  # without a sign of life, after which the server takes the lead away
LIMIT_S = 2.0  # for the database to answer
# A leader that stops in the middle of a fenced transaction must not keep others from becoming the leader.
STALL_S = 5.0

TRY = "SELECT pg_try_advisory_lock(%s, %s)"
UNLOCK = "SELECT pg_advisory_unlock(%s, %s)"
BEGIN = """
INSERT INTO ingest_leader AS leader (name, epoch, holder, since, seen_at) VALUES (%(name)s, 1, %(holder)s, now(), now())
ON CONFLICT (name) DO UPDATE SET epoch = leader.epoch + 1, holder = excluded.holder, since = now(), seen_at = now()
RETURNING epoch
"""
RENEW = "UPDATE ingest_leader SET seen_at = now() WHERE name = %(name)s AND epoch = %(epoch)s"
STALL = "SELECT set_config('idle_in_transaction_session_timeout', %s, true)"
CHECK = "SELECT epoch FROM ingest_leader WHERE name = %s FOR SHARE"


class Deposed(Exception):
    """Somebody else has become the leader; nothing was written."""


@dataclass(frozen=True, slots=True)
class Leadership:
    """The lead in a matter. It may be over already; `fenced` finds out."""

    name: str
    epoch: int


class Candidate:
    """Becomes the leader in a matter as soon as there is none, and stays it. Belongs to one thread."""

    def __init__(self, name: str, holder: str = "", idle_s: float = IDLE_S) -> None:
        """`holder` is how others find out who leads; after `idle_s` without a sign of life they take over."""
        self._name, self._holder = name, holder
        self._key = (zlib.crc32(b"dataflow leader") - 2**31, zlib.crc32(name.encode()) - 2**31)
        self._postgres = Postgres(f"leader {name}", LIMIT_S, idle_session_timeout=f"{round(idle_s * 1000)}")
        self._leadership: Leadership | None = None

    def lead(self) -> Leadership | None:
        """Take or keep the lead; return None while another one has it.

        To be called every `RENEW_S`. Blocks for some seconds at most; raises psycopg.Error, and is not the leader then.
        """
        try:
            with self._postgres.transaction() as cursor:
                found = self._begin(cursor) if self._leadership is None else self._renew(cursor, self._leadership)
        except psycopg.Error:
            self._end("the database cannot be asked")
            raise
        if found is not None and self._leadership is None:
            log.info("leads in %r, epoch %d", found.name, found.epoch)
        self._leadership = found
        return found

    @contextmanager
    def fenced(self, leadership: Leadership) -> Iterator[Cursor[tuple[Any, ...]]]:
        """Yield a cursor of a transaction on the leader's own connection; raise Deposed when the lead is over."""
        try:
            with self._postgres.transaction() as cursor:
                _check(cursor, leadership)
                yield cursor
        except BaseException:
            self._end("a piece of its work failed")  # and with the connection the lock is gone
            raise

    def resign(self) -> None:
        """Let somebody else lead, at once."""
        self._end("resigned")

    def _begin(self, cursor: Cursor[tuple[Any, ...]]) -> Leadership | None:
        if not _first(cursor.execute(TRY, self._key)):
            return None
        epoch = _first(cursor.execute(BEGIN, {"name": self._name, "holder": self._holder}))
        return Leadership(self._name, epoch)

    def _renew(self, cursor: Cursor[tuple[Any, ...]], leadership: Leadership) -> Leadership | None:
        mark = {"name": leadership.name, "epoch": leadership.epoch}
        if cursor.execute(RENEW, mark).rowcount == 1:
            return leadership
        # The lock is ours and the epoch is not: the table was restored, or somebody wrote in it.
        cursor.execute(UNLOCK, self._key)
        log.warning("leads no more in %r: epoch %d is over", leadership.name, leadership.epoch)
        return None

    def _end(self, why: str) -> None:
        self._postgres.close()
        if self._leadership is not None:
            log.info("leads no more in %r: %s", self._name, why)
            self._leadership = None


@contextmanager
def leading(name: str, holder: str = "", at_most_s: float = IDLE_S) -> Iterator[Leadership | None]:
    """Lead in a matter for the length of a block; yield None when somebody else does.

    A block that takes longer than `at_most_s` may lose the lead to others, and `fenced` refuses as soon as one of them
    has it. Raises psycopg.Error when the database cannot be asked.
    """
    candidate = Candidate(name, holder, at_most_s)
    try:
        yield candidate.lead()
    finally:
        candidate.resign()


@contextmanager
def fenced(leadership: Leadership) -> Iterator[None]:
    """Open a transaction on Django's connection, in which nobody else can become the leader.

    Raises Deposed, before anything in the block is done, when somebody else has. The transaction may pause for
    `STALL_S` at most.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            _check(cursor, leadership)
        yield


def _check(cursor: Any, leadership: Leadership) -> None:
    cursor.execute(STALL, (f"{round(STALL_S * 1000)}",))
    # FOR SHARE: whoever wants to raise the epoch waits for the end of this transaction.
    cursor.execute(CHECK, (leadership.name,))
    row = cursor.fetchone()
    if row is None or row[0] != leadership.epoch:
        raise Deposed(f"{leadership.name!r}: epoch {leadership.epoch} is over, {row[0] if row else 'none'} is now")


def _first(cursor: Cursor[tuple[Any, ...]]) -> Any:
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  (each of these statements answers with one row)
    return row[0]
