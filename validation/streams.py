"""Read a buffer's stream as one of its consumer group, and let go of what is done."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis
from redis.exceptions import OutOfMemoryError, ResponseError

from ingest.envelope import VERSION, Batch, decode
from ingest.processes import ThisProcess, is_gone, machine
from ingest.ring import STREAM

GROUP = "validation"
# An entry that its reader has held this long without finishing is taken over. A chunk takes well under a second.
RECLAIM_AFTER_MS = 15_000
# What a process held that is gone for certain is taken over at once. This long, so that of two who see it one gets it.
SETTLED_MS = 200
PAGE = 100  # entries that are looked at once; a backlog may hold many megabytes
EntryId = tuple[int, int]  # milliseconds and sequence of a stream id


@dataclass(frozen=True, slots=True)
class Entry:
    """One stream entry: a batch, or the bytes of something that is none."""

    id: EntryId
    batch: Batch | None
    raw: bytes = b""

    @property
    def name(self) -> str:
        """Return the id as Redis writes it."""
        return f"{self.id[0]}-{self.id[1]}"


_this: dict[int, str] = {}


def consumer_name() -> str:
    """Return this process's name in every consumer group: no other process ever had it, on whatever host."""
    if os.getpid() not in _this:
        _this.clear()  # a fork is another process
        me = ThisProcess("worker")
        _this[os.getpid()] = f"{me.host}:{me.pid}:{me.born}:{_mark(me.machine)}:{me.id}"
    return _this[os.getpid()]


def is_dead(consumer: str) -> bool:
    """Tell whether the process of a consumer is gone for certain: one of this machine that the kernel does not know."""
    match consumer.rsplit(":", 4):
        case [_, pid, born, mark, _] if mark and mark == _mark(machine()) and pid.isdecimal() and born.isdecimal():
            return is_gone(int(pid), int(born))
    return False


def _mark(seen: str) -> str:
    return hashlib.sha256(seen.encode()).hexdigest()[:8] if seen else ""


def entry_id(name: bytes | str) -> EntryId:
    """Return a stream id as two numbers."""
    text = name.decode() if isinstance(name, bytes) else name
    milliseconds, _, sequence = text.partition("-")
    return int(milliseconds), int(sequence)


class StreamReader:
    """One process's place in the consumer group of one buffer. Every call may block for the client's time-out.

    The client is one of `ingest.ring.connect`: answers in bytes, in the lists of RESP2.
    """

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.consumer = consumer_name()

    def ensure_group(self) -> None:
        """Create the stream and its group where they are missing, reading from the very first entry."""
        try:
            self.client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except OutOfMemoryError:
            return  # a full server makes nothing; whoever reads finds out whether the group is there
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def left(self, count: int) -> Iterator[list[Entry]]:
        """Yield what was begun and not finished, `count` entries at most at once, and each of them once.

        First what this consumer holds, then what consumers held that are dead for certain, then what any other has
        held for too long, so that it is dead by all appearance.
        """
        after = "0"
        while held := self._held(after, count):
            yield held
            after = held[-1].name
        for consumer in self._dead_consumers():
            while orphans := self._claim(consumer, count):
                yield orphans
        start: bytes | str = "0-0"
        while True:
            answer: Any = self.client.xautoclaim(STREAM, GROUP, self.consumer, RECLAIM_AFTER_MS, start, count=count)
            start = answer[0]
            if reclaimed := _entries(answer[1]):
                yield reclaimed
            if start == b"0-0":
                return

    def new(self, count: int) -> list[Entry]:
        """Return entries that nobody was given yet."""
        return _entries(self._ask(">", count))

    def finish(self, entries: Sequence[Entry]) -> None:
        """Delete and acknowledge entries. Only ever after their outcome was committed.

        Not in MULTI: a server above its `maxmemory` queues nothing, although both commands make room. Whoever dies
        between them leaves an id without an entry, which is let go of by whoever claims it.
        """
        names = [entry.name for entry in entries]
        with self.client.pipeline(transaction=False) as pipe:
            pipe.xdel(STREAM, *names)
            pipe.xack(STREAM, GROUP, *names)
            pipe.execute()

    def waiting(self) -> int:
        """Return how many entries are in the stream, given to someone or not."""
        return int(self.client.xlen(STREAM))

    def drop_idle_consumers(self) -> None:
        """Forget consumers that hold nothing and are dead, or have been silent for a day."""
        for consumer in self.client.xinfo_consumers(STREAM, GROUP):
            if consumer["pending"] == 0 and (consumer["idle"] > 86_400_000 or is_dead(consumer["name"].decode())):
                self.client.xgroup_delconsumer(STREAM, GROUP, consumer["name"])

    def _held(self, after: str, count: int) -> list[Entry]:
        """Return what this consumer holds, from an id on; let go of what was deleted meanwhile."""
        while True:
            found = self._ask(after, count)
            if gone := [name for name, fields in found if not fields]:
                self.client.xack(STREAM, GROUP, *gone)
            if len(gone) < len(found) or not found:
                return _entries(found)
            after = found[-1][0].decode()

    def _dead_consumers(self) -> list[str]:
        consumers = self.client.xinfo_consumers(STREAM, GROUP)
        names = [consumer["name"].decode() for consumer in consumers if consumer["pending"]]
        return [name for name in names if is_dead(name)]

    def _claim(self, consumer: str, count: int) -> list[Entry]:
        """Take over some of what a consumer holds."""
        found = self.client.xpending_range(STREAM, GROUP, "-", "+", count, consumer, idle=SETTLED_MS)
        if not found:
            return []
        names: list[Any] = [entry["message_id"] for entry in found]
        answer: Any = self.client.xclaim(STREAM, GROUP, self.consumer, SETTLED_MS, names)
        return _entries(answer)

    def _ask(self, after: str, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        try:
            answer: Any = self.client.xreadgroup(GROUP, self.consumer, {STREAM: after}, count=count)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # A new server, or one that was wiped: make the group and look again.
            self.ensure_group()
            answer = self.client.xreadgroup(GROUP, self.consumer, {STREAM: after}, count=count)
        return [pair for _, found in answer or () for pair in found]


def entries_up_to(client: redis.Redis, line: EntryId) -> Iterator[Entry]:
    """Yield the entries of a buffer's stream up to an id, given to someone or not, oldest first."""
    start, end = "-", f"{line[0]}-{line[1]}"
    while True:
        page: Any = client.xrange(STREAM, start, end, count=PAGE)
        if not page:
            return
        yield from _entries(page)
        start = f"({page[-1][0].decode()}"


def oldest(client: redis.Redis) -> EntryId | None:
    """Return the id of the oldest entry in a buffer's stream, None when it is empty."""
    found: Any = client.xrange(STREAM, count=1)
    return entry_id(found[0][0]) if found else None


def _entries(found: Sequence[tuple[bytes, dict[bytes, bytes]]]) -> list[Entry]:
    """Decode what Redis answered. An id without fields was deleted while it was held: it is done."""
    return [decode_entry(name, fields) for name, fields in found if fields]


def decode_entry(name: bytes, fields: dict[bytes, bytes]) -> Entry:
    """Return a stream entry; bytes that are no batch are kept as they are."""
    packed = fields.get(b"batch", b"")
    try:
        return Entry(entry_id(name), decode(packed))
    except (msgspec.DecodeError, ValueError):
        return Entry(entry_id(name), None, packed or repr(fields).encode())


def batch_in(entry: Entry) -> Batch:
    """Return the batch of an entry; one that is none becomes a message on no topic, so that it ends in quarantine."""
    if entry.batch is not None:
        return entry.batch
    came = entry.id[0]  # in milliseconds, by the clock of the buffer
    return Batch(VERSION, "unreadable", came // 60_000, [came / 1000], [b"unreadable"], [entry.raw])
