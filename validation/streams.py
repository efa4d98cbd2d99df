"""Read a buffer's stream as one of its consumer group, and let go of what is done."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import redis
from redis.exceptions import ResponseError

from ingest.envelope import Batch, decode
from ingest.ring import STREAM

GROUP = "validation"
# An entry that its reader has held this long without finishing is taken over. A chunk takes well under a second.
RECLAIM_AFTER_MS = 15_000
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
        self.consumer = f"{socket.gethostname()}-{os.getpid()}"

    def ensure_group(self) -> None:
        """Create the stream and its group where they are missing, reading from the very first entry."""
        try:
            self.client.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def chunks(self, count: int) -> Iterator[list[Entry]]:
        """Yield what is there for us, `count` entries at most at once.

        First what this consumer was given earlier and did not finish, then what is new, then what others, dead by all
        appearance, have held for too long. Each of the first and the last is yielded once, finished or not.
        """
        after = "0"
        while held := self._read(after, count):
            yield held
            after = held[-1].name
        while new := self.new(count):
            yield new
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
        return self._read(">", count)

    def finish(self, entries: Sequence[Entry]) -> None:
        """Acknowledge and delete entries. Only ever after their outcome was committed."""
        names = [entry.name for entry in entries]
        with self.client.pipeline(transaction=True) as pipe:
            pipe.xack(STREAM, GROUP, *names)
            pipe.xdel(STREAM, *names)
            pipe.execute()

    def waiting(self) -> int:
        """Return how many entries are in the stream, given to someone or not."""
        return int(self.client.xlen(STREAM))

    def drop_idle_consumers(self) -> None:
        """Forget consumers that hold nothing and have been silent for a day: processes that are gone."""
        for consumer in self.client.xinfo_consumers(STREAM, GROUP):
            if consumer["pending"] == 0 and consumer["idle"] > 86_400_000:
                self.client.xgroup_delconsumer(STREAM, GROUP, consumer["name"])

    def _read(self, after: str, count: int) -> list[Entry]:
        try:
            answer: Any = self.client.xreadgroup(GROUP, self.consumer, {STREAM: after}, count=count)
        except ResponseError as error:
            if "NOGROUP" not in str(error):
                raise
            # A new server, or one that was wiped: make the group and look again.
            self.ensure_group()
            answer = self.client.xreadgroup(GROUP, self.consumer, {STREAM: after}, count=count)
        return [entry for _, found in answer or () for entry in _entries(found)]


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
