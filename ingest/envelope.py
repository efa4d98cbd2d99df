"""The batch: what the room `ingest` hands on, and the only thing that ever stands in a buffer.

A batch holds up to `MAX_MESSAGES` messages as they came in: when, on which topic, which bytes. Nothing in it has been
judged; a topic may be invalid UTF-8 and a payload may be anything. One batch is one entry of a Redis stream, because an
entry costs the same whether it holds one message or five hundred.
"""

from __future__ import annotations

import time

import msgspec

VERSION = 1
# An entry per 500 messages costs 0.3 µs a message instead of 8 µs for an entry each; more gains nothing, and
# a receive window of 2,000 still holds several batches, so the broker never waits for an acknowledgement.
MAX_MESSAGES = 500
# Seconds the first message of a batch may wait for others. People cannot see 20 ms, and at low rates it still packs
# a second of ten devices at 50 Hz into 50 entries instead of 500.
MAX_DELAY_S = 0.020
# Bytes of topics and payloads at which a batch is closed early. A worker decodes a batch whole, so this bounds its
# memory; 500 messages of ordinary size are 100 KB. The last message of a batch may exceed it.
MAX_BYTES = 4 * 1024 * 1024


class Batch(msgspec.Struct, array_like=True, frozen=True):
    """Hold messages in the order they were received.

    `received` (seconds since the epoch), `topics` and `payloads` are as long as each other and have at least one item.
    `source` says who let them in: the name of a bridge, or "http". `minute` (minutes since the epoch) is the row of the
    ledger the messages are counted under; it never goes backwards within one writer, even when its clock does.
    """

    version: int
    source: str
    minute: int
    received: list[float]
    topics: list[bytes]
    payloads: list[bytes]

    def __post_init__(self) -> None:
        if not len(self.received) == len(self.topics) == len(self.payloads) > 0:
            raise ValueError(
                f"{len(self.received)} times, {len(self.topics)} topics and {len(self.payloads)} payloads in one batch"
            )

    def __len__(self) -> int:
        return len(self.payloads)


class Minutes:
    """Give the current minute since the epoch, never an earlier one than before.

    The ledger closes minutes that have passed. A clock that is set back must not reopen one.
    """

    def __init__(self) -> None:
        self._newest = 0

    def of(self, now: float) -> int:
        """Return the minute of a time in seconds since the epoch, or the newest one returned so far."""
        self._newest = max(self._newest, int(now // 60))
        return self._newest


def batch_of(
    source: str, minutes: Minutes, topics: list[bytes], payloads: list[bytes], received: list[float] | None = None
) -> Batch:
    """Return a batch of messages that come in now; `received` gives the time of each when that was earlier."""
    now = time.time()
    return Batch(VERSION, source, minutes.of(now), received or [now] * len(payloads), topics, payloads)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def encode(batch: Batch) -> bytes:
    """Return the bytes of a batch for a stream entry."""
    return _encoder.encode(batch)


def decode(data: bytes) -> Batch:
    """Return the batch in the bytes of a stream entry.

    Raises msgspec.MsgspecError (a ValueError) when the bytes are no batch, are of unequal lengths, or were written by a
    version this code does not know.
    """
    batch = _decoder.decode(data)
    if batch.version != VERSION:
        raise msgspec.ValidationError(f"a batch of version {batch.version}, and only {VERSION} is known")
    return batch
