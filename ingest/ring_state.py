"""How the ring is: for a page, the API and `manage.py buffers`. All servers are asked, at the same time."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import redis
from django.conf import settings

from ingest.buffers import TAKEN_BACK, members, tend
from ingest.fill import Memory, memory_of, too_full
from ingest.membership import ACTIVE, LOST, MOST_AT_ONCE
from ingest.models import Buffer
from ingest.ring import PROBE_TIMEOUT_S, RECEIVED, STREAM, connect, without_password

OLD_S = 60  # an entry that waits for so long waits because nobody drains
ASK_S = 5 * PROBE_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Held:
    """What a server holds and uses. Ages are by its own clock; a rate is that of the last whole minute."""

    entries: int
    pending: int
    oldest_age_s: float | None
    messages_per_second: float
    memory: Memory


@dataclass(frozen=True, slots=True)
class Member:
    """A buffer, now or formerly of the ring, without any password.

    What only the server can say is None when it does not answer. `trouble` says why it does not, `left_out` why it gets
    no batches although it is active.
    """

    id: int | None
    identity: str | None
    address: str
    origin: str
    state: str
    since: datetime
    weight: int
    answers: bool | None
    trouble: str
    trouble_since: datetime | None
    last_error: str
    left_out: str
    lost: bool
    entries: int | None = None
    pending: int | None = None
    oldest_age_s: float | None = None
    messages_per_second: float | None = None
    used_bytes: int | None = None
    limit_bytes: int | None = None
    fill_percent: float | None = None


@dataclass(frozen=True, slots=True)
class RingState:
    """All members, the oldest first, and in sentences what is wrong, with what to do."""

    members: list[Member]
    problems: list[str]
    used_mb: float
    max_mb: int
    fill_percent: int


def ring_state() -> RingState:
    """Ask all servers. Blocks for some seconds when one is away. Raises Django's database errors."""
    tend()
    rows = members()
    with ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="ring-state") as pool:
        asked = list(pool.map(_ask, rows))
    percent, max_mb = settings.BUFFER_FILL_PERCENT, settings.BUFFERS_MAX_MB
    memories = {
        row.url: held.memory
        for row, held in zip(rows, asked, strict=True)
        if isinstance(held, Held) and row.state == ACTIVE
    }
    full = too_full(memories, percent, max_mb)
    found = [_member(row, held, full.get(row.url, "")) for row, held in zip(rows, asked, strict=True)]
    used = sum(memory.used for memory in memories.values()) / 1024 / 1024
    return RingState(found, _problems(found), round(used, 1), max_mb, percent)


def _ask(row: Buffer) -> Held | str | None:
    """Return what a server holds, why it does not answer, or None when it is not to be asked."""
    if row.state not in TAKEN_BACK:
        return None
    if not row.url:
        return "nobody knows its address now"
    try:
        with connect(row.url, ASK_S) as client:
            return _held(client)
    except (redis.RedisError, OSError) as error:
        return f"{type(error).__name__}: {error}"


def _held(client: redis.Redis) -> Held:
    memory = memory_of(client)
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.xlen(STREAM)
        pipe.xrange(STREAM, count=1)
        pipe.hget(RECEIVED, str(int(time.time() // 60) - 1))
        now, entries, oldest, count = pipe.execute()
    pending = 0
    if client.exists(STREAM):
        groups: Any = client.xinfo_groups(STREAM)
        pending = sum(group["pending"] for group in groups)
    age = max(0.0, now[0] - int(oldest[0][0].partition(b"-")[0]) / 1000) if oldest else None
    return Held(entries, pending, age, round(int(count or 0) / 60, 1), memory)


def _member(row: Buffer, held: Held | str | None, left_out: str) -> Member:
    member = Member(
        id=row.pk,
        identity=row.identity,
        address=without_password(row.url) if row.url else "",
        origin=row.origin,
        state=row.state,
        since=row.since,
        weight=row.weight,
        answers=None if held is None else isinstance(held, Held),
        trouble=held if isinstance(held, str) else "",
        trouble_since=row.trouble_since,
        last_error=row.last_error,
        left_out=left_out,
        lost=row.state == LOST or row.written_off_at is not None,
    )
    if not isinstance(held, Held):
        return member
    percent = held.memory.percent
    return replace(
        member,
        entries=held.entries,
        pending=held.pending,
        oldest_age_s=held.oldest_age_s,
        messages_per_second=held.messages_per_second,
        used_bytes=held.memory.used,
        limit_bytes=held.memory.limit,
        fill_percent=None if percent is None else round(percent, 1),
    )


def _problems(found: list[Member]) -> list[str]:
    active = [member for member in found if member.state == ACTIVE]
    taking = [member for member in active if member.answers and not member.left_out]
    said = []
    if not taking:
        said.append("No buffer takes batches, so nothing is acknowledged: add one, or get one of these to answer.")
    for member in found:
        said += [f"{_name(member)} {words}" for words in _complaints(member)]
    return said


def _complaints(member: Member) -> list[str]:
    said = []
    if member.state == LOST:
        said.append("has lost its data: see the books, then write off what is missing.")
    if member.answers is False:
        said.append(f"does not answer ({member.trouble}). What it holds is drained when it is back.")
    if member.left_out:
        said.append(f"gets no batches: {member.left_out}. Start more workers, or add a buffer.")
    if member.answers and not member.limit_bytes:
        said.append("has no limit of memory: set its maxmemory, or it takes all that the machine has.")
    if member.oldest_age_s is not None and member.oldest_age_s > OLD_S:
        said.append(f"holds an entry that has waited for {member.oldest_age_s:,.0f} s: do workers run?")
    return said


def _name(member: Member) -> str:
    return f"The buffer {member.identity}" if member.identity else f"The buffer at {member.address}"
