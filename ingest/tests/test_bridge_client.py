"""The client of a slot, against a peer that plays the broker byte by byte over TCP."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from ingest.bridge.client import KEEPALIVE_S, PAHO_NAMES, RECEIVE_MAXIMUM, SESSION_EXPIRY_S, BridgeClient
from ingest.bridge.counters import Counters
from ingest.bridge.packets import MAX_PACKET_BYTES, acknowledgements
from ingest.bridge.pending import Pending
from ingest.tests.mqtt_bytes import PINGRESP, SESSION_TAKEN_OVER, connack, packet, publish, suback, user_property


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = socket.create_connection(server.getsockname())
        return ours, server.accept()[0]


class Link:
    """A client, and the broker's end of its connection."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.pending = Pending("test", self.counters)
        self.closed: list[socket.socket] = []
        self.client = BridgeClient("dataflow-test-0", self.pending, self.counters, self.closed.append)
        self.events: list[str] = []
        self.client.on_connect = lambda *args: self.events.append(f"connack {args[3]}")
        self.client.on_subscribe = lambda *args: self.events.append(f"suback {args[3][0]}")
        self.peer: socket.socket | None = None

    def connect(self) -> bytes:
        """Connect and return the CONNECT packet."""
        self.disconnect()
        ours, self.peer = tcp_pair()
        self.client.begin(ours, "broker.example", 1883)
        return self.peer.recv(65_536)

    def disconnect(self) -> None:
        """Close the broker's end."""
        if self.peer is not None:
            self.peer.close()

    def send(self, data: bytes) -> None:
        """Send bytes as the broker and let the client read them."""
        assert self.peer is not None
        self.peer.sendall(data)
        self.client.read()

    def received(self) -> bytes:
        """Return what the client has sent."""
        assert self.peer is not None
        self.peer.setblocking(False)
        try:
            return self.peer.recv(1_000_000)
        except BlockingIOError:
            return b""

    def settle(self) -> None:
        """Pretend that everything taken so far is in a buffer, and acknowledge it."""
        self.pending.seal()
        while self.pending.sealed:
            for acks in self.pending.done().acks:
                acks.connection.acknowledge(acks)

    def messages(self) -> list[tuple[bytes, bytes]]:
        """Return the topics and payloads taken so far."""
        self.pending.seal()
        batches = [sealed.batch for sealed in self.pending.sealed if sealed.batch is not None]
        return [pair for batch in batches for pair in zip(batch.topics, batch.payloads, strict=True)]


@pytest.fixture
def link() -> Iterator[Link]:
    link = Link()
    link.connect()
    link.send(connack())
    yield link
    link.disconnect()
    link.client.drop("the test is over")


def test_the_names_inside_paho_that_the_bridge_leans_on_are_those_of_the_pinned_version() -> None:
    assert version("paho-mqtt") == "2.1.0"
    client: Any = paho.Client(CallbackAPIVersion.VERSION2)
    assert [name for name in PAHO_NAMES if not hasattr(client, name)] == []
    assert client._in_packet.keys() >= {"command", "have_remaining", "packet"}
    assert client._out_packet.maxlen is None


def test_it_asks_for_a_kept_session_with_a_wide_window(link: Link) -> None:
    request = link.connect()
    assert request[0] == 0x10
    flags, properties = request[9], request[13 : 13 + request[12]]
    assert flags & 0x02 == 0, "a clean start would wipe what the broker kept"
    assert request[10:12] == KEEPALIVE_S.to_bytes(2, "big")
    assert b"\x11" + SESSION_EXPIRY_S.to_bytes(4, "big") in properties
    assert b"\x21" + RECEIVE_MAXIMUM.to_bytes(2, "big") in properties
    assert b"\x27" + MAX_PACKET_BYTES.to_bytes(4, "big") in properties
    assert b"dataflow-test-0" in request


items = st.one_of(
    st.tuples(
        st.sampled_from([b"v/1", b"status/v1", b"\xff"]), st.binary(max_size=150), st.integers(0, 9), st.booleans()
    ),
    st.tuples(st.just(b"v/big"), st.just(b"x" * 17_000), st.just(3), st.just(False)),
    st.sampled_from([PINGRESP, suback(3, 1), packet(0xB0, b"\0\4\0\0")]),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(items, max_size=6), st.lists(st.integers(1, 9000), max_size=30))
def test_a_stream_split_anywhere_gives_the_same_messages_and_acknowledgements(
    sent: list[tuple[bytes, bytes, int, bool] | bytes], sizes: list[int]
) -> None:
    link = Link()
    link.connect()
    link.send(connack())
    messages = [item for item in sent if not isinstance(item, bytes)]
    stream = b"".join(
        item if isinstance(item, bytes) else publish(item[0], item[1], item[2], user_property(b"a", b"b") * item[3])
        for item in sent
    )
    for size in [*sizes, len(stream)]:
        if stream:
            link.send(stream[:size])
            stream = stream[size:]
    assert link.messages() == [(topic, payload) for topic, payload, *_ in messages if topic != b"status/v1"]
    link.settle()
    numbers = [number.to_bytes(2, "big") for _, _, number, _ in messages if number]
    assert link.received() == (acknowledgements(numbers) if numbers else b"")
    assert link.events == ["connack Success"] + ["suback Granted QoS 1"] * sent.count(suback(3, 1))
    link.disconnect()
    link.client.drop("the test is over")


def test_nothing_is_acknowledged_before_it_is_told_to(link: Link) -> None:
    link.send(publish(b"v/1", b"1", 1) + publish(b"v/1", b"2", 2))
    assert link.received() == b""
    link.settle()
    assert link.received() == b"\x40\x02\0\1\x40\x02\0\2"
    assert link.counters.acked == 2


def test_acknowledgements_of_an_older_connection_are_never_sent(link: Link) -> None:
    link.send(publish(b"v/1", b"old", 1))
    first = link.client.epoch
    link.disconnect()
    link.client.read()
    assert link.client.epoch > first
    link.connect()
    link.send(connack(session_present=True) + publish(b"v/1", b"another message with the same number", 1))
    link.settle()
    assert link.received() == b"\x40\x02\0\1", "one for the message of this connection, none for that of the last"
    assert (link.counters.acked, link.counters.stale) == (1, 1)


def test_many_acknowledgements_are_sent_whole_even_when_the_socket_is_full(link: Link) -> None:
    assert link.peer is not None
    sock = link.client.socket()
    assert isinstance(sock, socket.socket)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    numbers = [n % 65_535 + 1 for n in range(200_000)]
    for start in range(0, len(numbers), 500):
        link.send(b"".join(publish(b"v", b"", n) for n in numbers[start : start + 500]))
    link.settle()
    assert link.client.want_write(), "the socket took only a part"
    link.client._send_pingreq()
    expected, got = acknowledgements([n.to_bytes(2, "big") for n in numbers]) + b"\xc0\x00", bytearray()
    deadline = time.monotonic() + 10
    while len(got) < len(expected) and time.monotonic() < deadline:
        got += link.received()
        link.client.loop_write()
    assert bytes(got) == expected


def test_a_malformed_packet_ends_the_connection_and_what_came_before_it_is_kept(link: Link) -> None:
    link.send(publish(b"v/1", b"good", 1) + packet(0x32, b"\0\5ab"))
    assert link.client.socket() is None
    assert "cannot be read" in link.client.trouble
    assert link.messages() == [(b"v/1", b"good")]
    assert len(link.closed) == 1


def test_half_a_packet_of_an_older_connection_is_forgotten(link: Link) -> None:
    link.send(publish(b"v/1", b"x" * 100, 1)[:50])
    link.disconnect()
    link.client.read()
    link.connect()
    link.send(connack() + publish(b"v/1", b"whole", 1))
    assert link.messages() == [(b"v/1", b"whole")]


def test_a_session_taken_over_by_another_bridge_is_explained(link: Link) -> None:
    link.send(SESSION_TAKEN_OVER)
    assert link.client.socket() is None
    assert link.client.taken_over
    assert "Session taken over" in link.client.trouble
    assert "Session taken over" in link.client.trouble


def test_an_error_in_a_callback_reaches_the_caller_instead_of_being_swallowed(link: Link) -> None:
    def fail(*args: Any) -> None:
        raise ZeroDivisionError

    link.client.on_subscribe = fail
    assert link.peer is not None
    link.peer.sendall(suback(1, 1))
    with pytest.raises(ZeroDivisionError):
        link.client.read()


def test_an_unanswered_ping_ends_the_connection_only_while_reading(link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    now = paho.time_func()
    monkeypatch.setattr(paho, "time_func", lambda: now)
    for reading, alive in ((False, True), (False, True), (True, True), (True, False)):
        now += KEEPALIVE_S + 1
        monkeypatch.setattr("ingest.bridge.client.time.monotonic", lambda now=now: now)
        link.client.keep_alive(reading)
        assert (link.client.socket() is not None) is alive
    assert link.received() == b"\xc0\x00" * 3


def test_the_oldest_message_that_waits_is_known_until_it_is_acknowledged(link: Link) -> None:
    assert link.client.oldest_owed() is None
    link.send(publish(b"v/1", b"1", 1))
    link.pending.seal()
    first = link.client.oldest_owed()
    link.send(publish(b"v/1", b"2", 2))
    assert link.client.oldest_owed() == first
    link.settle()
    assert link.client.oldest_owed() is None


def test_it_says_goodbye_after_its_last_acknowledgements_and_waits_for_the_broker(link: Link) -> None:
    link.send(publish(b"v/1", b"1", 1))
    link.settle()
    assert link.peer is not None
    peer = link.peer
    peer.sendall(publish(b"v/1", b"never taken", 2))
    seen = bytearray()

    def broker() -> None:
        peer.setblocking(True)
        while data := peer.recv(100):
            seen.extend(data)
        time.sleep(0.1)
        peer.close()

    thread = threading.Thread(target=broker)
    thread.start()
    began = time.monotonic()
    link.client.say_goodbye(2)
    thread.join()
    assert bytes(seen) == b"\x40\x02\0\1\xe0\x00", "no reset has swallowed the end"
    assert 0.1 <= time.monotonic() - began < 1
    assert link.client.socket() is None
    link.client.say_goodbye(2)


def test_a_broker_that_does_not_say_goodbye_is_left_after_a_while(link: Link) -> None:
    with pytest.raises(TimeoutError):
        link.client.say_goodbye(0.1)
