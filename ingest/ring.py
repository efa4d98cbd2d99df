"""The ring of buffers: independent Redis (or Valkey) servers, any of which can take a batch.

Batches go round the ring, to each buffer as often as its weight says. A buffer that does not take one is skipped at
once, set aside for a while and then tried again, so one dead server costs at most one time-out. What a buffer took
stays its own until it is drained. Who belongs to the ring, and who is too full, says another thread (`watching.py`).

    NoBufferAvailable   no buffer took the batch: stop acknowledging, keep the batch, try again soon
    SameServer          two addresses of the ring are one server: a mistake in BUFFER_URLS

`NoBufferAvailable` is the one exception of back-pressure. Whoever gets it still holds the batch and must neither
acknowledge its messages nor drop them; with QoS 1 the broker then stops sending once its window is full, and keeps the
rest for as long as it has room.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, cast
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ingest import envelope
from ingest.envelope import Batch

log = logging.getLogger(__name__)

# The keys on every buffer, defined here once.
STREAM = "dataflow:batches"  # a stream; fields n (messages), minute (since the epoch), batch (an encoded Batch)
RECEIVED = "dataflow:received"  # a hash: minute since the epoch -> messages taken in that minute
BUFFER_KEY = "dataflow:buffer"  # a hash with what the server is
BUFFER_ID = "id"  # its field with the identity: 12 hexadecimal digits, made up once and kept with the data

TIMEOUT_S = 1.0  # a healthy buffer answers in a millisecond; a stall of the disk may take some hundred
PROBE_TIMEOUT_S = 0.2  # a buffer set aside must prove itself within this, so that a hung one does not stall the others
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0  # a buffer is set aside for this long, doubled at each failure in a row


class NoBufferAvailable(Exception):
    """No buffer of the ring took the batch; the message gives each buffer's reason."""


class SameServer(ValueError):
    """Two addresses of the ring lead to one server."""


class Appended(NamedTuple):
    """Say where a batch now is: the identity of the buffer, and the entry in its stream."""

    buffer: str
    entry: str


class Ring:
    """Append batches to whichever buffer takes them.

    Belongs to one thread, but for `use` and `leave_out`. `append` blocks for at most about a second per buffer, and
    only the first time that a buffer does not answer.
    """

    def __init__(self, urls: Sequence[str], clock: Callable[[], float] = time.monotonic) -> None:
        if not urls:
            raise ValueError("a ring needs at least one buffer")
        self._clock = clock
        self._wanted: Mapping[str, int] = dict.fromkeys(urls, 1)
        self._used: Mapping[str, int] = {}
        self._full: Mapping[str, str] = {}
        self._buffers: list[_Buffer] = []
        self._follow()

    def use(self, weights: Mapping[str, int]) -> None:
        """Append to these addresses from the next batch on, to each as often as its weight says. From any thread."""
        if dict(weights) != self._wanted:
            self._wanted = dict(weights)

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """Append nothing to these addresses, for the reasons given, and again to all others. From any thread."""
        self._full = dict(reasons)

    def append(self, batch: Batch) -> Appended:
        """Put a batch into one buffer and count its messages there, in one transaction.

        Raises NoBufferAvailable when every buffer is set aside, left out or fails. When only the reply was lost, the
        batch is in two buffers afterwards; each counted it, and the second copy is found to be a duplicate when it is
        stored.
        """
        if self._wanted is not self._used:
            self._follow()
        data, count = envelope.encode(batch), len(batch)
        left = [buffer for buffer in self._buffers if not buffer.trouble or buffer.may_be_tried()]
        if self._full:
            left = [buffer for buffer in left if buffer.url not in self._full]
        while left:
            buffer = _whose_turn(left) if len(left) > 1 else left[0]
            if not buffer.trouble or buffer.answers():
                try:
                    return buffer.append(data, count, batch.minute)
                except (redis.RedisError, OSError) as error:
                    buffer.set_aside(error)
            left.remove(buffer)
        reasons = "; ".join(f"{name}: {reason}" for name, reason in self.set_aside().items())
        raise NoBufferAvailable(reasons or "no buffer of the ring is active")

    def _follow(self) -> None:
        """Take in what `use` said, and keep the connections of those that stay."""
        self._used = self._wanted
        kept = {buffer.url: buffer for buffer in self._buffers}
        self._buffers = [kept.pop(url) if url in kept else _Buffer(url, self._clock) for url in self._used]
        for buffer in self._buffers:
            buffer.weight, buffer.credit = self._used[buffer.url], 0  # a new order begins
        for buffer in kept.values():
            buffer.close()

    def check(self) -> None:
        """Raise SameServer when two reachable buffers are one server; set the unreachable ones aside.

        Say so of those that may forget what they answered.
        """
        seen: dict[str, str] = {}
        for buffer in self._buffers:
            try:
                identity = buffer.identify()
            except (redis.RedisError, OSError) as error:
                buffer.set_aside(error)
                continue
            if identity in seen:
                raise SameServer(f"{seen[identity]} and {buffer.name} are the same server (identity {identity}).")
            seen[identity] = buffer.name
            if buffer.answers_early():
                words = "buffer %s may lose what it answered last when it dies: set appendfsync to always"
                log.warning(words, buffer.name)

    def in_use(self) -> list[str]:
        """Return the addresses of the buffers that take batches, without their passwords."""
        return [buffer.name for buffer in self._buffers if not buffer.trouble and buffer.url not in self._full]

    def set_aside(self) -> dict[str, str]:
        """Return the addresses of the buffers that take none just now, without their passwords, and why."""
        reasons = {buffer.name: buffer.trouble or self._full.get(buffer.url, "") for buffer in self._buffers}
        return {name: reason for name, reason in reasons.items() if reason}

    def close(self) -> None:
        """Close the connections, in which nothing is pending."""
        for buffer in self._buffers:
            buffer.close()


class _Buffer:
    """One server of the ring, and what we think of its health."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self.name, self.url = without_password(url), url
        self.trouble = ""
        self.weight, self.credit = 1, 0
        self._clock = clock
        self._redis = connect(url)
        self._pause = FIRST_PAUSE_S
        self._retry_at = 0.0

    def append(self, data: bytes, count: int, minute: int) -> Appended:
        # The identity is read in the same transaction, because the server may have been replaced by an empty one since
        # the last batch. The entry then belongs to a new identity, which must not be one that was used before.
        pipe = self._redis.pipeline(transaction=True)
        pipe.hsetnx(BUFFER_KEY, BUFFER_ID, _new_identity())
        pipe.hget(BUFFER_KEY, BUFFER_ID)
        pipe.xadd(STREAM, {"n": count, "minute": minute, "batch": data})
        pipe.hincrby(RECEIVED, str(minute), count)
        _, identity, entry, _ = pipe.execute()
        if self.trouble:
            log.warning("buffer %s takes batches again", self.name)
            self.trouble, self._pause = "", FIRST_PAUSE_S
        return Appended(identity.decode(), entry.decode())

    def identify(self) -> str:
        return identity_of(self._redis)

    def answers_early(self) -> bool:
        return answers_early(self._redis)

    def may_be_tried(self) -> bool:
        return self._clock() >= self._retry_at

    def answers(self) -> bool:
        """Ask a server that is set aside whether it is well again; set it aside again when it is not."""
        try:
            with connect(self.url, PROBE_TIMEOUT_S) as probe:
                probe.ping()
        except (redis.RedisError, OSError) as error:
            self.set_aside(error)
            return False
        return True

    def set_aside(self, error: Exception) -> None:
        """Leave the server alone for a while; say so when that is new."""
        # Whatever is still to come on this connection belongs to a batch that will go elsewhere.
        self._redis.connection_pool.disconnect()
        trouble = f"{type(error).__name__}: {error}"
        if not self.trouble:
            log.warning("buffer %s is set aside: %s", self.name, trouble)
            self._pause = FIRST_PAUSE_S
        self.trouble = trouble
        self._retry_at = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    def close(self) -> None:
        self._redis.close()


def _whose_turn(buffers: Sequence[_Buffer]) -> _Buffer:
    """Return each as often as its weight says, and never one many times in a row that others could have had."""
    total, chosen = 0, buffers[0]
    for buffer in buffers:
        buffer.credit += buffer.weight
        total += buffer.weight
        if buffer.credit > chosen.credit:
            chosen = buffer
    chosen.credit -= total
    return chosen


def answers_early(client: redis.Redis) -> bool:
    """Tell whether a server answers before what it answers is written (docs/decisions/buffer-sync.md).

    False where it is forbidden to ask, as in `deploy/`, whose servers are set right.
    """
    try:
        return client.config_get("appendfsync").get("appendfsync", "always") != "always"
    except redis.ResponseError:
        return False


def connect(url: str, timeout_s: float = TIMEOUT_S) -> redis.Redis:
    """Return a client of one buffer that answers in bytes, waits `timeout_s` at most and never retries by itself."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0), protocol=2
    )


def identify(url: str) -> str:
    """Return the identity of the server at an address, making one up when it has none.

    Blocks for two time-outs at most. Raises redis.RedisError when the server cannot be asked.
    """
    with connect(url) as client:
        return identity_of(client)


def without_password(url: str) -> str:
    """Return an address as it may stand in a log."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _new_identity() -> str:
    return secrets.token_hex(6)


def identity_of(client: redis.Redis) -> str:
    """Return the identity of a client's server, making one up when it has none. Raises redis.RedisError."""
    # Read first: a server that is out of memory refuses to write, and must still be known to whoever drains it.
    identity = cast(bytes | None, client.hget(BUFFER_KEY, BUFFER_ID))
    if identity is None:
        client.hsetnx(BUFFER_KEY, BUFFER_ID, _new_identity())
        identity = cast(bytes, client.hget(BUFFER_KEY, BUFFER_ID))
    return identity.decode()
