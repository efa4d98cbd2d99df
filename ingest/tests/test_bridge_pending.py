"""Packing messages into batches, with what is owed for them."""

from __future__ import annotations

import pytest

from ingest.bridge.counters import Counters
from ingest.bridge.packets import MalformedPacket
from ingest.bridge.pending import HOLD_BYTES, HOLD_MESSAGES, Acks, Pending
from ingest.envelope import MAX_BYTES, MAX_DELAY_S, MAX_MESSAGES
from ingest.tests.mqtt_bytes import packet, publish


class Clock:
    """A clock that tests set forward."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


class Connection:
    """A connection that only remembers what it owes."""

    def __init__(self) -> None:
        self.epoch = 1
        self.owed: list[Acks] = []

    def owe(self, acks: Acks) -> None:
        self.owed.append(acks)

    def acknowledge(self, acks: Acks) -> None:
        raise AssertionError("nothing is acknowledged by packing it")

    def drop(self, reason: str) -> None:
        raise AssertionError("nothing is dropped by packing it")


def numbered(count: int, first: int = 1, payload: bytes = b"x") -> bytes:
    return b"".join(publish(b"v/1", payload, n) for n in range(first, first + count))


def test_a_batch_is_sealed_when_it_is_full_and_the_rest_opens_the_next() -> None:
    counters = Counters()
    pending, connection = Pending("north", counters), Connection()
    data = numbered(2 * MAX_MESSAGES + 3)
    assert pending.take(data, 0, connection) == len(data)
    assert [sealed.messages for sealed in pending.sealed] == [MAX_MESSAGES, MAX_MESSAGES]
    assert pending.owed == 3
    pending.seal()
    first, second, third = pending.sealed
    assert first.batch is not None
    assert first.batch.source == "north"
    assert third.acks[0].numbers == [n.to_bytes(2, "big") for n in range(1001, 1004)]
    assert connection.owed == [first.acks[0], second.acks[0], third.acks[0]]
    assert counters.received == 2 * MAX_MESSAGES + 3


def test_a_batch_is_sealed_early_when_it_holds_many_bytes() -> None:
    pending = Pending("b", Counters())
    pending.take(numbered(5, payload=b"x" * (MAX_BYTES // 4)), 0, Connection())
    assert [sealed.messages for sealed in pending.sealed] == [5]


def test_a_batch_is_due_a_fixed_time_after_its_first_message() -> None:
    clock = Clock()
    pending, connection = Pending("b", Counters(), clock), Connection()
    assert pending.due() is None
    pending.take(numbered(1), 0, connection)
    clock.now += 0.015
    pending.take(numbered(1), 0, connection)
    assert pending.due() == pytest.approx(100 + MAX_DELAY_S)
    assert connection.owed[0].since == 100
    pending.seal()
    assert pending.due() is None


def test_platform_messages_are_acknowledged_without_being_in_a_batch() -> None:
    counters = Counters()
    pending = Pending("b", counters)
    pending.take(publish(b"status/v1", b"online", 1) + publish(b"commands/v1", b"{}", 2), 0, Connection())
    assert pending.due() is not None
    pending.seal()
    [sealed] = pending.sealed
    assert sealed.batch is None
    assert sealed.acks[0].numbers == [b"\0\1", b"\0\2"]
    assert (counters.received, counters.platform) == (0, 2)


def test_messages_of_qos_0_are_in_the_batch_and_owe_nothing() -> None:
    counters = Counters()
    pending, connection = Pending("b", counters), Connection()
    pending.take(publish(b"v/1", b"1") + publish(b"v/1", b"2", 5) + publish(b"status/v1", b"on"), 0, connection)
    pending.seal()
    [sealed] = pending.sealed
    assert sealed.batch is not None
    assert sealed.batch.payloads == [b"1", b"2"]
    assert sealed.acks[0].numbers == [b"\0\5"]
    assert (counters.received, counters.unpromised, counters.platform) == (2, 2, 1)


def test_connections_and_their_epochs_are_kept_apart() -> None:
    pending, one, two = Pending("b", Counters()), Connection(), Connection()
    pending.take(publish(b"v/1", b"1", 1), 0, one)
    pending.take(publish(b"v/1", b"2", 1), 0, two)
    pending.take(publish(b"v/1", b"3", 2), 0, one)
    one.epoch = 2
    pending.take(publish(b"v/1", b"3", 1), 0, one)
    pending.seal()
    [sealed] = pending.sealed
    assert [(acks.connection is one, acks.epoch, acks.numbers) for acks in sealed.acks] == [
        (True, 1, [b"\0\1", b"\0\2"]),
        (False, 1, [b"\0\1"]),
        (True, 2, [b"\0\1"]),
    ]


def test_what_came_before_a_malformed_packet_is_kept_whole() -> None:
    counters = Counters()
    pending, connection = Pending("b", counters), Connection()
    with pytest.raises(MalformedPacket):
        pending.take(numbered(3) + packet(0x32, b"\0"), 0, connection)
    pending.take(publish(b"v/1", b"x", 9), 0, connection)
    pending.seal()
    [sealed] = pending.sealed
    assert sealed.batch is not None
    assert len(sealed.batch) == 4
    assert sealed.acks[0].numbers == [b"\0\1", b"\0\2", b"\0\3", b"\0\x09"]
    assert counters.received == 4


def test_it_is_full_by_messages_and_by_bytes_until_batches_are_done() -> None:
    pending = Pending("b", Counters())
    data = numbered(MAX_MESSAGES)
    while not pending.full():
        pending.take(data, 0, Connection())
    assert len(pending.sealed) == HOLD_MESSAGES // MAX_MESSAGES
    pending.done()
    assert not pending.full()
    while pending.sealed:
        pending.done()
    big = numbered(1, payload=b"x" * MAX_BYTES)
    while not pending.full():
        pending.take(big, 0, Connection())
    assert len(pending.sealed) == -(-HOLD_BYTES // len(big))
