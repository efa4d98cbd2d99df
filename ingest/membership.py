"""Who belongs to the ring: the servers that BUFFER_URLS names, what people added, and what became of each.

A buffer is known by its identity, which it keeps with its data; its address may change at each start of an embedded
server. So every server is asked who it is, and then:

- one that is known gets its address brought up to date, and stays what it was: what people drained stays drained;
- one that is not known, at an address of BUFFER_URLS, is a new member;
- one that answers under a new identity at the address of a known one has lost that one's data. The known one is `lost`
  until somebody writes it off, and the new one takes its place;
- one that was lost or written off and is found again, with its data, is drained.

An address of BUFFER_URLS where nobody answers yet is a member without an identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Protocol

import redis

from ingest.models import Buffer
from ingest.ring import identify

CHANNEL = "dataflow_buffers"  # of PostgreSQL's notifications: something about the ring has changed
LOCK = 0x62756666  # of PostgreSQL's advisory locks: one process at a time brings the members up to date
MOST_AT_ONCE = 8  # servers that are asked at the same time; each may take two time-outs

ACTIVE, DRAINING, REMOVED, LOST = Buffer.State.ACTIVE, Buffer.State.DRAINING, Buffer.State.REMOVED, Buffer.State.LOST


class Cursor(Protocol):
    """What Django's cursors and psycopg's have in common."""

    def execute(self, statement: Any, params: Any = None, /) -> Any:
        """Execute a statement."""

    def fetchall(self) -> list[Any]:
        """Return its rows."""


@dataclass(slots=True)
class Known:
    """A row of the members."""

    id: int | None
    identity: str | None
    url: str
    origin: str
    state: str
    weight: int
    written_off: bool = False

    @property
    def awaited(self) -> bool:
        """Tell whether the server at its address is asked who it is."""
        return bool(self.url) and (self.state != REMOVED or self.written_off)


def who_answers(urls: Sequence[str]) -> dict[str, str | None]:
    """Ask each server who it is; None for one that does not answer. Blocks for some seconds when one is away."""
    if not urls:
        return {}
    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="who-answers") as pool:
        return dict(zip(urls, pool.map(_identity, urls), strict=True))


def _identity(url: str) -> str | None:
    try:
        return identify(url)
    except (redis.RedisError, OSError):
        return None


def matched(rows: Sequence[Known], seeds: Sequence[str], found: Mapping[str, str | None]) -> list[Known]:
    """Return the members as they are from now on; `found` says who answers at which address. Pure."""
    result = [replace(row) for row in rows]
    by_identity = {row.identity: row for row in result if row.identity}
    here = _addresses(by_identity, found)
    former: dict[str, Known] = {}  # whose place a server has taken, by its identity
    for row in result:
        answer = found.get(row.url)
        if row.identity and answer and answer != row.identity:
            row.url = here.get(row.identity, "")
            if not row.url and answer not in by_identity:
                former[answer] = row
    for identity, url in here.items():
        known = by_identity.get(identity)
        if known is None:
            result.append(_new_member(identity, url, seeds, former.get(identity)))
            continue
        known.url = url
        if known.state == LOST or known.written_off:
            known.state, known.written_off = DRAINING, False
    return _with_unknown(result, seeds)


def _addresses(by_identity: Mapping[str, Known], found: Mapping[str, str | None]) -> dict[str, str]:
    """Return one address of each server that answers; when it has several, the one by which it is known."""
    here: dict[str, str] = {}
    for url, identity in found.items():
        if identity and (identity not in here or (identity in by_identity and by_identity[identity].url == url)):
            here[identity] = url
    return here


def _new_member(identity: str, url: str, seeds: Sequence[str], former: Known | None) -> Known:
    member = Known(None, identity, url, Buffer.Origin.SETTINGS if url in seeds else Buffer.Origin.ADDED, ACTIVE, 1)
    if former is not None:
        member.origin, member.state, member.weight = former.origin, former.state, former.weight
        if former.state in (ACTIVE, DRAINING):
            former.state = LOST
        elif former.state == LOST:
            member.state = ACTIVE
    return member


def _with_unknown(members: list[Known], seeds: Sequence[str]) -> list[Known]:
    """Give the identities that were found to those that had none, and keep an unknown one for each silent seed."""
    unknown = {row.url: row for row in members if row.identity is None}
    result = [row for row in members if row.identity is not None]
    for row in result:
        waiting = unknown.pop(row.url, None)
        if waiting is not None and row.id is None:
            row.id, row.weight, row.state, row.origin = waiting.id, waiting.weight, waiting.state, waiting.origin
    taken = {row.url for row in result}
    silent = [url for url in dict.fromkeys(seeds) if url not in taken]
    result += [row for url, row in unknown.items() if url in seeds or row.origin == Buffer.Origin.ADDED]
    settings = Buffer.Origin.SETTINGS
    return result + [Known(None, None, url, settings, ACTIVE, 1) for url in silent if url not in unknown]


def addresses(cursor: Cursor, seeds: Sequence[str]) -> list[str]:
    """Return whom to ask: the seeds, and every address of a member."""
    return list(dict.fromkeys([*seeds, *(row.url for row in _rows(cursor) if row.awaited)]))


def bring_up_to_date(cursor: Cursor, seeds: Sequence[str], found: Mapping[str, str | None]) -> bool:
    """Write who belongs to the ring now, within the transaction of the cursor; say whether that has changed."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    before = _rows(cursor)
    after = matched(before, seeds, found)
    kept = {row.id: row for row in before}
    gone = list(kept.keys() - {row.id for row in after})
    changed = [row for row in after if row.id is None or row != kept[row.id]]
    if not gone and not changed:
        return False
    cursor.execute("DELETE FROM ingest_buffer WHERE id = ANY(%s)", [gone])
    # First those that give an address or an identity away.
    for row in sorted(changed, key=lambda row: row.id is None):
        _write(cursor, row, kept.get(row.id))
    cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
    return True


def _rows(cursor: Cursor) -> list[Known]:
    cursor.execute(
        "SELECT id, identity, url, origin, state, weight, written_off_at IS NOT NULL FROM ingest_buffer ORDER BY id"
    )
    return [Known(*row) for row in cursor.fetchall()]


def _write(cursor: Cursor, row: Known, before: Known | None) -> None:
    if before is None:
        cursor.execute(
            "INSERT INTO ingest_buffer (identity, url, origin, state, weight, since, trouble, last_error) "
            "VALUES (%s, %s, %s, %s, %s, now(), '', '')",
            [row.identity, row.url, row.origin, row.state, row.weight],
        )
        return
    cursor.execute(
        "UPDATE ingest_buffer SET identity = %s, url = %s, state = %s, "
        "since = CASE WHEN state = %s THEN since ELSE now() END, "
        "written_off_at = CASE WHEN %s THEN written_off_at END WHERE id = %s",
        [row.identity, row.url, row.state, row.state, row.written_off, row.id],
    )
    if before.written_off and not row.written_off:
        # It is back with its data, so what was given up is counted where it is.
        cursor.execute("DELETE FROM ingest_writtenoff WHERE buffer = %s", [row.identity])
