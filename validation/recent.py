"""The newest raw messages of each model, accepted or not, so that a draft can be tried on them.

A sample, kept in Redis and bounded in every direction: KEPT messages of a model, MAX_BYTES each, some of each
second, for KEEP_S. Best effort: it is never in the way of the worker, and nothing that must not be lost depends on it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple

import msgspec
import redis
from django.conf import settings

from ingest.envelope import Batch
from validation.pipeline import Judgement, Rejected, Rows

log = logging.getLogger(__name__)

KEPT = 1_000  # messages of a model
MAX_BYTES = 8_192  # of a payload; larger ones are left out, not cut: a part would not be a message
KEEP_S = 7 * 86_400
A_SECOND = 256  # messages that one process adds at most, over all models
TIMEOUT_S, REST_S = 0.5, 10.0  # a server that does not answer is left alone for a while


class Recent(NamedTuple):
    """One message as it came. `accepted` says what was found then."""

    topic: str
    payload: bytes
    received: float
    accepted: bool


def messages(model: str, count: int = KEPT) -> list[Recent]:
    """Return the newest messages of a model that were kept, newest first. Raises redis.RedisError; may block for it."""
    packed: Any = _client().lrange(_key(model), 0, count - 1)
    found = []
    for item in packed:
        received, accepted, topic, payload = msgspec.msgpack.decode(item)
        found.append(Recent(topic.decode("utf-8", "backslashreplace"), payload, received, accepted))
    return sorted(found, key=lambda message: message.received, reverse=True)


class Keeper:
    """What a worker keeps messages with. Not for several threads at once."""

    def __init__(self) -> None:
        self._rests_until = 0.0
        self._room, self._room_at = float(A_SECOND), 0.0

    def keep(self, judgement: Judgement, batches: Sequence[Batch]) -> None:
        """Keep some messages of a chunk. Blocks for TIMEOUT_S at most; never raises for a server that is away."""
        now = time.monotonic()
        self._room = min(A_SECOND, self._room + A_SECOND * (now - self._room_at))
        self._room_at = now
        if now < self._rests_until or self._room < 1:
            return
        samples = _samples(judgement, batches, int(self._room))
        if not samples:
            return
        self._room -= sum(map(len, samples.values()))
        try:
            with _client().pipeline(transaction=False) as pipe:
                for model, items in samples.items():
                    key = _key(model)
                    pipe.lpush(key, *items)
                    pipe.ltrim(key, 0, KEPT - 1)
                    pipe.expire(key, KEEP_S)
                pipe.execute()
        except redis.RedisError as error:
            log.warning("recent messages are not kept for %.0f s: %s", REST_S, error)
            self._rests_until = time.monotonic() + REST_S


def _samples(judgement: Judgement, batches: Sequence[Batch], room: int) -> dict[str, list[bytes]]:
    """Return the newest messages of each model in a chunk, packed, as many as the chunk may add."""
    rejected: dict[str, list[Rejected]] = {}
    for item in judgement.rejected:
        if item.model is not None:
            rejected.setdefault(item.model.spec.name, []).append(item)
    names = judgement.rows.keys() | rejected.keys()
    share = max(1, room // max(1, len(names)))
    samples = {}
    for name in names:
        refused = islice(_refused(rejected.get(name, [])), share)
        accepted = islice(_accepted(judgement.rows[name], batches), share) if name in judgement.rows else iter(())
        # The newest come last, because the list grows at its head.
        items = [*accepted, *refused][::-1]
        if items:
            samples[name] = items
    return samples


def _accepted(rows: Rows, batches: Sequence[Batch]) -> Iterator[bytes]:
    """Yield the messages that rows came in, newest first, each once although an array is many rows."""
    last = None
    for entry, position in zip(reversed(rows.entries), reversed(rows.positions), strict=True):
        if (entry, position) != last:
            last = entry, position
            batch = batches[entry]
            payload = batch.payloads[position]
            if len(payload) <= MAX_BYTES:
                yield msgspec.msgpack.encode((batch.received[position], True, batch.topics[position], payload))


def _refused(rejected: Sequence[Rejected]) -> Iterator[bytes]:
    for item in reversed(rejected):
        if len(item.payload) <= MAX_BYTES:
            yield msgspec.msgpack.encode((item.received, False, item.topic, item.payload))


def _key(model: str) -> str:
    return f"dataflow:recent:{model}"


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, protocol=2
    )
