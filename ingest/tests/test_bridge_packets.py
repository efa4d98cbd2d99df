"""Cutting PUBLISH packets out of bytes: whatever the packets, wherever they are split."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingest.bridge.packets import MAX_PACKET_BYTES, MalformedPacket, acknowledgements, packet_size, slice_publishes
from ingest.tests.mqtt_bytes import PINGRESP, packet, publish, suback, user_property, variable_integer
from ingest.topics import is_platform


@dataclass
class Sliced:
    """What came out of a stream."""

    topics: list[bytes] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    numbers: list[bytes] = field(default_factory=list)
    platform: int = 0
    others: list[bytes] = field(default_factory=list)

    def take(self, data: bytes, limit: int = 7) -> bytes:
        """Take whole packets, as the client does, and return the rest."""
        at = 0
        while True:
            stop, platform = slice_publishes(data, at, limit, self.topics, self.payloads, self.numbers)
            self.platform += platform
            size = 0 if stop > at else packet_size(data, at)
            if stop == at and not 0 < size <= len(data) - at:
                return data[at:]
            if size:
                self.others.append(data[at : at + size])
            at = stop + size


topics = st.one_of(
    st.sampled_from([b"vehicles/v1/telemetry", b"status/v1", b"commands/v1/reply", b"$SYS/uptime", b"\xff\xfe"]),
    st.binary(min_size=1, max_size=200),
)
payloads = st.one_of(st.binary(max_size=200), st.integers(0, 40_000).map(lambda size: b"x" * size))
properties = st.lists(st.builds(user_property, st.binary(max_size=5), st.binary(max_size=90)), max_size=3).map(b"".join)
messages = st.tuples(topics, payloads, st.integers(0, 65_535), properties)
other = st.sampled_from([PINGRESP, suback(1, 1), packet(0x40, b"\0\1")])


@given(
    st.lists(st.one_of(messages, other), max_size=8), st.lists(st.integers(1, 30_000), max_size=20), st.integers(1, 9)
)
@example([(b"t", b"", 1, b""), PINGRESP, (b"t", b"x" * 20_000, 0, user_property(b"k", b"v" * 130))], [1] * 50, 2)
def test_a_stream_split_anywhere_gives_the_same_messages(
    items: list[tuple[bytes, bytes, int, bytes] | bytes], sizes: list[int], limit: int
) -> None:
    stream = b"".join(item if isinstance(item, bytes) else publish(*item) for item in items)
    sliced, rest = Sliced(), b""
    for size in [*sizes, len(stream)]:
        rest = sliced.take(rest + stream[:size], limit)
        stream = stream[size:]
    sent = [item for item in items if not isinstance(item, bytes)]
    telemetry = [item for item in sent if not is_platform(item[0])]
    assert rest == b""
    assert sliced.topics == [topic for topic, *_ in telemetry]
    assert sliced.payloads == [payload for _, payload, *_ in telemetry]
    assert sliced.numbers == [number.to_bytes(2, "big") for _, _, number, _ in sent if number]
    assert sliced.platform == len(sent) - len(telemetry)
    assert sliced.others == [item for item in items if isinstance(item, bytes)]


def test_every_split_of_a_short_stream_gives_the_same_messages() -> None:
    stream = publish(b"a/b", b"1", 7) + PINGRESP + publish(b"status/x", b"on", 8) + publish(b"c", b"y" * 130, 9)
    for cut in range(len(stream) + 1):
        sliced = Sliced()
        rest = sliced.take(sliced.take(stream[:cut]) + stream[cut:])
        assert (rest, sliced.others) == (b"", [PINGRESP])
        assert (sliced.topics, sliced.payloads) == ([b"a/b", b"c"], [b"1", b"y" * 130])
        assert sliced.numbers == [b"\0\7", b"\0\x08", b"\0\x09"]


@given(st.binary(max_size=60))
def test_bytes_that_are_no_mqtt_are_taken_for_nothing_but_mqtt_or_refused(data: bytes) -> None:
    sliced = Sliced()
    try:
        rest = sliced.take(data)
    except MalformedPacket:
        rest = b""
    assert len(sliced.topics) == len(sliced.payloads)
    assert len(rest) <= len(data)


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(packet(0x32, b""), id="no body"),
        pytest.param(packet(0x32, b"\0"), id="half a length of the topic"),
        pytest.param(packet(0x32, b"\0\5abc"), id="the topic is longer than the packet"),
        pytest.param(packet(0x32, b"\0\0\0\1\0x"), id="an empty topic, which only an alias could explain"),
        pytest.param(packet(0x32, b"\0\1t"), id="no number"),
        pytest.param(packet(0x32, b"\0\1t\0"), id="half a number"),
        pytest.param(packet(0x32, b"\0\1t\0\1"), id="no properties"),
        pytest.param(packet(0x32, b"\0\1t\0\1\5abc"), id="the properties are longer than the packet"),
        pytest.param(packet(0x32, b"\0\1t\0\1\xff\xff\xff\xff\1"), id="the properties' length has no end"),
        pytest.param(packet(0x34, b"\0\1t\0\1\0x"), id="QoS 2, which the bridge never asks for"),
        pytest.param(packet(0x36, b"\0\1t\0\1\0x"), id="QoS 3, which does not exist"),
    ],
)
def test_a_malformed_publish_is_refused_and_what_came_before_it_is_kept(bad: bytes) -> None:
    for after in (b"", b"\0" * 200):
        sliced = Sliced()
        with pytest.raises(MalformedPacket):
            sliced.take(publish(b"t", b"good", 1) + bad + after)
        assert (sliced.topics, sliced.payloads, sliced.numbers) == ([b"t"], [b"good"], [b"\0\1"])


def test_a_packet_above_the_limit_is_refused_as_soon_as_its_length_is_known() -> None:
    with pytest.raises(MalformedPacket, match="at most"):
        Sliced().take(b"\x32" + variable_integer(MAX_PACKET_BYTES + 1))
    assert Sliced().take(b"\x32" + variable_integer(MAX_PACKET_BYTES)) != b""


def test_a_length_of_five_bytes_is_refused() -> None:
    with pytest.raises(MalformedPacket, match="more than four bytes"):
        Sliced().take(b"\x32\xff\xff\xff\xff\x01")


def test_no_more_than_the_limit_is_taken_in_one_go() -> None:
    topics, payloads, numbers = list[bytes](), list[bytes](), list[bytes]()
    data = publish(b"t", b"x", 1) * 5
    stop, _ = slice_publishes(data, 0, 3, topics, payloads, numbers)
    assert (len(topics), stop) == (3, 3 * len(data) // 5)


def test_acknowledgements_are_packets_of_four_bytes_in_the_order_given() -> None:
    assert acknowledgements([b"\0\2", b"\0\1"]) == b"\x40\x02\0\2\x40\x02\0\1"
