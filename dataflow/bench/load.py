"""Publish readings as fast as a broker takes them: the load of the benchmarks, in a process of its own.

    python -m dataflow.bench.load --host 127.0.0.1 --port 1883 --count 100000

Speaks MQTT 3.1.1 (OASIS standard, sections 3.1 CONNECT, 3.3 PUBLISH, 3.4 PUBACK) over a plain socket, because a full
client would cost more processor time than everything that is measured. Every reading is one of the sample model
`vehicle` with a device, time and sequence of its own; a message holds one, or an array of several of one device. Prints
one line of JSON: sent, acked (readings), seconds. SIGTERM ends it early, with the same line.
"""

from __future__ import annotations

import argparse
import json
import select
import signal
import socket
import struct
import sys
import time
from dataclasses import dataclass
from threading import Event

CHUNK = 100  # messages written at once
PUBACK_BYTES = 4
KEEPALIVE_S = 600
SILENCE_S = 30.0  # without an acknowledgement for this long the broker has stopped taking messages


@dataclass(frozen=True, slots=True)
class Load:
    """What to publish: `count` readings of `devices` devices, at most `window` messages not acknowledged.

    `rate` is in readings a second, 0 as fast as possible; `start` the first event time, in seconds since 1970. With
    several `topics` they go round: the first level of the topic is `topic` and a number of three digits.
    """

    count: int
    devices: int
    window: int
    rate: float
    prefix: str
    start: float
    topic: str = "vehicles"  # its first level
    topics: int = 1

    per_message: int = 1
    step: float = 0.001  # seconds from one event time to the next

    @property
    def messages(self) -> int:
        """Return how many messages hold all readings."""
        return -(-self.count // self.per_message)

    def readings_in(self, messages: int) -> int:
        """Return how many readings the first messages hold."""
        return min(self.count, messages * self.per_message)

    def packet(self, number: int) -> bytes:
        """Return the PUBLISH packet (QoS 1) of one message."""
        first = number * self.per_message
        objects = [self._object(reading) for reading in range(first, min(self.count, first + self.per_message))]
        payload = objects[0] if self.per_message == 1 else b"[%s]" % b",".join(objects)
        level = self.topic if self.topics == 1 else numbered(self.topic, number % self.topics)
        topic = b"%s/%s%02d/telemetry" % (level.encode(), self.prefix.encode(), number % self.devices + 1)
        return publish_packet(topic, payload, number % 65_535 + 1)

    def _object(self, number: int) -> bytes:
        return b'{"timestamp":%.3f,"seq":%d,"speed":%.1f,"heading":%d,"latitude":%.5f,"longitude":%.5f}' % (
            self.start + number * self.step,
            number + 1,
            number % 1200 / 10,
            number % 360,
            47 + number % 5000 * 1e-5,
            8 + number % 5000 * 1e-5,
        )


def publish_packet(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    """Return a PUBLISH packet with QoS 1."""
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", packet_id) + payload
    return b"\x32" + remaining_length(len(body)) + body


def numbered(topic: str, number: int) -> str:
    """Return the first level of one of several topics."""
    return f"{topic}_{number:03}"


def remaining_length(size: int) -> bytes:
    """Return a packet's length as MQTT writes it: seven bits a byte, the lowest first (section 2.2.3)."""
    encoded = bytearray()
    while True:
        size, digit = divmod(size, 128)
        encoded.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def text(value: str) -> bytes:
    """Return a string as MQTT writes it: two bytes of length, then UTF-8."""
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def connect(host: str, port: int, user: str | None, password: str | None) -> socket.socket:
    """Open a session of its own at the broker; raise ConnectionError when it refuses."""
    sock = socket.create_connection((host, port), timeout=10)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    flags = 0x02 | (0x80 if user else 0) | (0x40 if password else 0)
    body = text("MQTT") + bytes([4, flags]) + struct.pack("!H", KEEPALIVE_S) + text(f"bench-{time.time_ns()}")
    body += (text(user) if user else b"") + (text(password) if password else b"")
    sock.sendall(b"\x10" + remaining_length(len(body)) + body)
    answer = sock.recv(4)
    if len(answer) < 4 or answer[3]:
        raise ConnectionError(f"the broker refused the connection: {answer!r}")
    sock.setblocking(False)
    return sock


def publish(sock: socket.socket, load: Load, ending: Event) -> tuple[int, int]:
    """Publish everything and wait for the acknowledgements. Return how many readings were sent and acknowledged.

    Nothing more is published once `ending` is set.
    """
    sent, ack_bytes, began = 0, 0, time.monotonic()
    outgoing = bytearray()
    heard = began
    chunk = max(1, CHUNK // load.per_message)
    while ack_bytes // PUBACK_BYTES < (sent if ending.is_set() else load.messages):
        allowed = sent if ending.is_set() else min(load.messages, ack_bytes // PUBACK_BYTES + load.window)
        if load.rate:
            allowed = min(allowed, int((time.monotonic() - began) * load.rate / load.per_message) + 1)
        if not outgoing and sent < allowed:
            until = min(sent + chunk, allowed)
            outgoing += b"".join(map(load.packet, range(sent, until)))
            sent = until
        readable, writable, _ = select.select([sock], [sock] if outgoing else [], [], 0.01 if load.rate else 1.0)
        if writable:
            del outgoing[: sock.send(outgoing)]
        if readable:
            data = sock.recv(65_536)
            if not data:
                break
            ack_bytes += len(data)
            heard = time.monotonic()
        elif time.monotonic() - heard > SILENCE_S:
            break
    return load.readings_in(sent), load.readings_in(ack_bytes // PUBACK_BYTES)


def main() -> int:
    """Run the load that the command line names; exit with 1 when not everything that was sent was acknowledged."""
    options = _parser().parse_args()
    ending = Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    password = sys.stdin.readline().strip() if options.password_stdin else None
    began = time.time()
    load = Load(
        count=options.count,
        devices=options.devices,
        window=options.window,
        rate=options.rate,
        prefix=options.prefix,
        start=options.start or began - options.count * options.step,
        topic=options.topic,
        topics=options.topics,
        per_message=options.per_message,
        step=options.step,
    )
    with connect(options.host, options.port, options.user, password) as sock:
        sent, acked = publish(sock, load, ending)
    seconds = time.time() - began
    print(json.dumps({"began": began, "sent": sent, "acked": acked, "seconds": round(seconds, 3)}))
    return 0 if acked == sent else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=1883)
    parser.add_argument("--user")
    parser.add_argument("--password-stdin", action="store_true", help="read the password from standard input")
    parser.add_argument("--count", type=int, default=100_000, help="readings")
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--window", type=int, default=1000, help="unacknowledged messages at most")
    parser.add_argument("--rate", type=float, default=0, help="readings a second; 0 is as fast as possible")
    parser.add_argument("--prefix", default="bench_", help="begins the devices' names")
    parser.add_argument("--topic", default="vehicles", help="the first level of the topic")
    parser.add_argument("--topics", type=int, default=1, help="as many topics, with a number behind that level")
    parser.add_argument("--per-message", type=int, default=1, help="readings in a message, as an array")
    parser.add_argument("--step", type=float, default=0.001, help="seconds from one event time to the next")
    parser.add_argument("--start", type=float, default=0, help="first event time; 0: so that the last one is now")
    return parser


if __name__ == "__main__":
    sys.exit(main())
