"""The batch: encoding, decoding, and the minute it is counted under."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.envelope import VERSION, Batch, Minutes, batch_of, decode, encode

messages = st.lists(st.tuples(st.binary(max_size=40), st.binary(max_size=300)), min_size=1, max_size=20)


@given(messages, st.floats(0, 5e9), st.text(max_size=10))
def test_a_batch_survives_the_way_into_a_buffer_and_out_again(
    pairs: list[tuple[bytes, bytes]], at: float, source: str
) -> None:
    batch = Batch(VERSION, source, 28_000_000, [at] * len(pairs), [t for t, _ in pairs], [p for _, p in pairs])
    assert decode(encode(batch)) == batch
    assert len(batch) == len(pairs)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_batch_are_refused_as_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        decode(b"\xc1" + data)


def test_a_batch_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="2 times, 1 topics and 1 payloads"):
        Batch(VERSION, "b", 1, [1.0, 2.0], [b"t"], [b"p"])
    with pytest.raises(msgspec.ValidationError, match="2 times, 1 topics and 1 payloads"):
        decode(msgspec.msgpack.encode([VERSION, "b", 1, [1.0, 2.0], [b"t"], [b"p"]]))


def test_a_batch_without_messages_is_refused() -> None:
    with pytest.raises(ValueError, match="0 times, 0 topics and 0 payloads"):
        Batch(VERSION, "b", 1, [], [], [])


def test_a_batch_of_a_later_version_is_refused_by_name() -> None:
    with pytest.raises(msgspec.ValidationError, match="version 9"):
        decode(msgspec.msgpack.encode([9, "b", 1, [1.0], [b"t"], [b"p"]]))


def test_the_minute_never_goes_backwards_when_the_clock_does() -> None:
    minutes = Minutes()
    assert [minutes.of(at) for at in (600.0, 660.0, 30.0, 659.0, 720.5)] == [10, 11, 11, 11, 12]


def test_messages_that_come_now_are_stamped_now() -> None:
    batch = batch_of("http", Minutes(), [b"t", b"t"], [b"1", b"2"])
    assert batch.received[0] == batch.received[1]
    assert batch.minute == int(batch.received[0] // 60)
    assert batch_of("http", Minutes(), [b"t"], [b"1"], [5.0]).received == [5.0]
