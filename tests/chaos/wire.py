"""MQTT 3.1.1 as a device speaks it, packet by packet, also wrongly (OASIS standard, sections 3.1, 3.3, 3.4, 3.12)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence

from dataflow.bench.load import KEEPALIVE_S, connect, remaining_length, text

Address = tuple[str, int]
CONNACK, PUBACK, PINGREQ = 0x20, 0x40, b"\xc0\x00"
ANSWER_S = 30.0
AT_ONCE = 50  # messages in flight: below what any broker takes


def connect_packet(client_id: str) -> bytes:
    """Return a CONNECT that begins a session of its own."""
    body = text("MQTT") + bytes((4, 0x02)) + struct.pack("!H", KEEPALIVE_S) + text(client_id)
    return b"\x10" + remaining_length(len(body)) + body


def publish_packet(topic: bytes, payload: bytes, number: int) -> bytes:
    """Return a PUBLISH with QoS 1; neither topic nor payload are looked at."""
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", number) + payload
    return b"\x32" + remaining_length(len(body)) + body


class Answers:
    """Cuts what a broker sends into packets; those to a device are short."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[int]:
        """Return the numbers of the messages that the bytes acknowledge."""
        data, at, numbers = self._rest + data, 0, []
        while len(data) - at >= 2 and len(data) - at >= 2 + data[at + 1]:
            if data[at] == PUBACK:
                numbers.append(int.from_bytes(data[at + 2 : at + 4], "big"))
            at += 2 + data[at + 1]
        self._rest = data[at:]
        return numbers


def publish(address: Address, messages: Sequence[tuple[bytes, bytes]]) -> None:
    """Publish messages (topic, payload) and wait until the broker has acknowledged every one.

    Raises OSError when the broker goes away or does not answer.
    """
    with connect(*address, None, None) as sock:
        sock.settimeout(ANSWER_S)
        for start in range(0, len(messages), AT_ONCE):
            _publish_some(sock, messages[start : start + AT_ONCE])


def _publish_some(sock: socket.socket, messages: Iterable[tuple[bytes, bytes]]) -> None:
    packets = [publish_packet(topic, payload, number) for number, (topic, payload) in enumerate(messages, start=1)]
    sock.sendall(b"".join(packets))
    answers, left = Answers(), len(packets)
    while left:
        data = sock.recv(65_536)
        if not data:
            raise ConnectionError("the broker has closed the connection")
        left -= len(answers.take(data))


def reaction(address: Address, packet: bytes, wait_s: float = 2.0) -> str:
    """Send a packet that no good device sends, and return what the broker does: `acknowledged`, `closed`, `silent`."""
    with connect(*address, None, None) as sock:
        sock.settimeout(wait_s)
        try:
            sock.sendall(packet)
            data = sock.recv(65_536)
        except TimeoutError:
            return "silent"
        except OSError:
            return "closed"
        return "acknowledged" if data else "closed"
