"""Become the embedded broker, with its sessions subscribed before anybody else gets in.

    python -I rumqttd.py CONFIGURATION PORT5 PORT311 SESSIONS    (JSON: [[client id, [filter, …]], …])

A message that no subscription matches is acknowledged and gone, so whoever connects to a broker that has just been
started again, and is quicker than the bridge, would lose what it sends: a device may have an hour in its outbox.
Nothing in the broker's configuration prevents that. But it takes new connections from a port one after the other, and
rests a few milliseconds in between. So a child process asks for connections until there are some, is therefore the
first on each port, and has its sessions subscribed (0.6 ms) while the others still wait.

On a machine with more work than processors the child may come second all the same. So it leaves a file, READY, beside
the configuration when the sessions stand, and whoever starts what publishes waits for that.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

PATIENCE_S = 10.0
LOOPBACK = "127.0.0.1"
DISCONNECT = b"\xe0\x00"
READY = "subscribed"  # broker.py has the same name


def text(value: str) -> bytes:
    """Return a string as MQTT writes it: two bytes of length, then UTF-8."""
    data = value.encode()
    return struct.pack("!H", len(data)) + data


def packet(kind: int, body: bytes) -> bytes:
    """Return an MQTT packet, with its length in seven bits a byte (MQTT 5, section 1.5.5)."""
    size, length = len(body), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | (0x80 if size else 0))
        if not size:
            return bytes([kind, *length]) + body


def opening(client_id: str, filters: list[str]) -> bytes:
    """Return CONNECT without clean start and SUBSCRIBE with QoS 1, as one piece: there is no time to wait between."""
    connect = packet(0x10, text("MQTT") + b"\x05\x00" + struct.pack("!H", 60) + b"\x00" + text(client_id))
    return connect + packet(0x82, b"\x00\x01\x00" + b"".join(text(pattern) + b"\x01" for pattern in filters))


def first_connection(port: int) -> socket.socket:
    """Ask for a connection until there is one. Without rest, so that nobody comes between."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return socket.create_connection((LOOPBACK, port), timeout=PATIENCE_S)
        except ConnectionError:  # refused, or reset by a broker that is just about to listen
            if time.monotonic() > deadline:
                raise


def wait_for_both(mqtt: socket.socket) -> None:
    """Wait for CONNACK and SUBACK; both are shorter than 128 bytes, so their second byte is their length."""
    answer = b""
    while len(answer) < 2 or len(answer) <= 2 + answer[1]:
        received = mqtt.recv(4096)
        if not received:
            sys.exit("the broker closed the connection")
        answer += received


def subscribe(port5: int, port311: int, sessions: list[tuple[str, list[str]]]) -> None:
    """Subscribe all sessions and leave them to the broker."""
    for client_id, filters in sessions:
        with first_connection(port5) as mqtt:
            mqtt.sendall(opening(client_id, filters))
            # Not needed, but it makes the broker rest before it takes the next connection from this port, too.
            with first_connection(port311):
                wait_for_both(mqtt)
            mqtt.sendall(DISCONNECT)


def main(configuration: str, port5: str, port311: str, sessions: str) -> None:
    """Fork: the parent becomes the broker, which runs until it is killed, and the child subscribes."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the child
    ready = Path(configuration).with_name(READY)
    ready.unlink(missing_ok=True)
    broker = os.getpid()
    if os.fork() == 0:
        try:
            subscribe(int(port5), int(port311), json.loads(sessions))
            ready.touch()
        except BaseException:
            # A broker without its sessions would never be ready; one that ends is started again.
            os.kill(broker, signal.SIGKILL)
            raise
        os._exit(0)
    # Its log wraps every message in a span of level ERROR, so nothing of it is let through; what matters (a port in
    # use, a bad file) ends the process with a message.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    from iotcore.iotcore import IotCoreBroker  # noqa: PLC0415  (the child does not need it)

    IotCoreBroker(config_path=configuration).run_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
