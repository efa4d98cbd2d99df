"""The MQTT client of a slot: paho's, with its own way of reading PUBLISH packets and of sending their PUBACKs.

Stock paho reads a packet with three `recv` calls and builds an object for it: 30 µs a message. Here the socket is read
in large pieces, all whole PUBLISH packets are cut out of each piece in one loop, and every other packet is given to
paho, which keeps the session, the subscriptions and the keepalive. This leans on names inside paho 2.1.0, listed in
`PAHO_NAMES`. The version is pinned, and a test fails when the names or what they do change.
"""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from paho.mqtt.client import MQTT_ERR_CONN_LOST, Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ingest.bridge.counters import Counters
from ingest.bridge.packets import MAX_PACKET_BYTES, MalformedPacket, acknowledgements, packet_size
from ingest.bridge.pending import Acks, Pending

PAHO_NAMES = (
    *("_create_socket", "_last_msg_in", "_loop_rc_handle", "_packet_queue", "_packet_read"),
    *("_ping_t", "_sock", "_sock_close", "_sock_recv"),
)

READ_BYTES = 256 * 1024  # for one look at the socket: a whole receive window of ordinary messages
KEEPALIVE_S = 30  # after so long a silence the connection is tested, and given up after as long again
# Messages the broker may send before an acknowledgement: four full batches, so that it never waits for one.
RECEIVE_MAXIMUM = 2000
SESSION_EXPIRY_S = 7 * 24 * 3600  # how long the broker keeps a session whose bridge is gone: a week to notice it
# TCP waits up to 40 ms with its own acknowledgement for ours to travel along, and a broker that sends no small segment
# before it (rumqttd) holds back the end of its window for as long. Linux has this option; it lasts for one answer.
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
PUBACK, DISCONNECT, SESSION_TAKEN_OVER = 0x40, 0xE0, 0x8E
# Reason: normal. Properties: five bytes, the session's expiry (0x11) of zero seconds.
DISCONNECT_AND_FORGET = bytes((DISCONNECT, 7, 0, 5, 0x11, 0, 0, 0, 0))


class BridgeClient(Client):
    """Take the messages of one persistent MQTT 5 session into `Pending`, and acknowledge them when told to.

    Not thread-safe. `epoch` counts the connections: it grows as soon as one ends, so that whatever belongs to an
    earlier connection is recognised. `trouble` says why the newest one ended.
    """

    def __init__(
        self,
        client_id: str,
        pending: Pending,
        counters: Counters,
        before_close: Callable[[socket.socket], None],
        may_acknowledge: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make a client that is not connected.

        `before_close` is called with each socket that is about to be closed; `may_acknowledge` is asked at each
        acknowledgement, and a connection that may not is closed.
        """
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, reconnect_on_failure=False, manual_ack=True
        )
        self.epoch = 0
        self.trouble = ""
        self.taken_over = False  # the newest connection ended because another one has the session, says the broker
        self.cut_off = False  # it was ended by the other side, which need not be the broker's will
        self._pending, self._counters, self._before_close = pending, counters, before_close
        self._may_acknowledge = may_acknowledge
        self._owed: deque[Acks] = deque()
        self._rest = b""  # the beginning of a packet whose end has not arrived
        self._offered = b""  # the packet that paho is reading
        self._opened: socket.socket | None = None

    # --- The life of a connection ----------------------------------------------------------------------------------

    def begin(self, opened: socket.socket, host: str, port: int) -> None:
        """Start MQTT on a connected socket. The answer comes through `read` and paho's `on_connect`."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_EXPIRY_S
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAX_PACKET_BYTES
        self.trouble, self._rest, self._offered = "", b"", b""
        self.taken_over = self.cut_off = False
        self._opened = opened
        # A clean start would make the broker forget what it kept for this session, on every start of the process.
        self.connect_async(host, port, KEEPALIVE_S, clean_start=False, properties=properties)
        self.reconnect()

    def drop(self, reason: str) -> None:
        """Close the connection without a word to the broker, which keeps the session and all it has not been told."""
        self.trouble = self.trouble or reason
        self._sock_close()

    def say_goodbye(self, timeout_s: float, end_session: bool = False) -> None:
        """Send what is queued and DISCONNECT, and wait until the broker has closed the connection in its turn.

        The broker keeps the session, unless it is to end.

        A socket that is closed with bytes unread resets the connection, and what was sent last is lost on its way. So
        whatever still comes is read and forgotten; it is not acknowledged, so the broker keeps it. Blocks for
        `timeout_s` at most in each step; raises OSError when the connection breaks before.
        """
        if not isinstance(self._sock, socket.socket):
            return
        sock, deadline = self._sock, time.monotonic() + timeout_s
        sock.settimeout(timeout_s)
        while self.want_write() and self._sock is not None:
            self.loop_write()
        sock.sendall(DISCONNECT_AND_FORGET if end_session else bytes((DISCONNECT, 0)))
        sock.shutdown(socket.SHUT_WR)
        while time.monotonic() < deadline and sock.recv(READ_BYTES):
            pass
        self._sock_close()

    def keep_alive(self, reading: bool) -> None:
        """Send a ping when one is due, and close the connection when the last one stays unanswered.

        While reading is paused the answer cannot be seen, so an unanswered ping means nothing then.
        """
        if not reading:
            self._ping_t, self._last_msg_in = 0.0, time.monotonic()
        self.loop_misc()
        if not reading:
            self._ping_t = 0.0

    def oldest_owed(self) -> float | None:
        """Return since when, on the steady clock, the oldest message of this connection waits to be acknowledged."""
        return self._owed[0].since if self._owed else None

    def silent_for(self) -> float:
        """Return for how many seconds nothing has come."""
        return time.monotonic() - self._last_msg_in

    # --- Reading ---------------------------------------------------------------------------------------------------

    def read(self) -> int:
        """Take in what has arrived and return how many bytes that was; close the connection when it is at its end."""
        try:
            data = self._receive()
        except BlockingIOError:
            return 0
        except OSError as error:
            data, self.trouble = b"", str(error)
        if not data:
            self.trouble, self.cut_off = self.trouble or "the broker closed it", True
            self._loop_rc_handle(MQTT_ERR_CONN_LOST)
            return 0
        self._last_msg_in = time.monotonic()
        try:
            self._take(self._rest + data if self._rest else data)
        except MalformedPacket as error:
            self.drop(f"what the broker sent cannot be read: {error}")
        return len(data)

    def _take(self, data: bytes) -> None:
        at, end = 0, len(data)
        while True:
            at = self._pending.take(data, at, self)
            size = packet_size(data, at)
            if not 0 < size <= end - at:
                break
            self._give_to_paho(data[at : at + size])
            at += size
            if self._sock is None:
                return
        self._rest = data[at:]

    def _give_to_paho(self, packet: bytes) -> None:
        if packet[0] == DISCONNECT:
            reason = ReasonCode(PacketTypes.DISCONNECT, identifier=packet[2] if len(packet) > 2 else 0)
            self.trouble = f"the broker closed it: {reason}"
            self.taken_over = reason.value == SESSION_TAKEN_OVER
        self._offered = packet
        failure = self._packet_read()
        if failure:
            self._loop_rc_handle(failure)

    def _receive(self) -> bytes:
        data = super()._sock_recv(READ_BYTES)
        sock = cast(socket.socket, self._sock)
        if QUICK_ACK is not None:
            sock.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)
        pending = getattr(sock, "pending", None)
        if pending is None:
            return data
        # A TLS socket decrypts a record at a time, and nothing will announce those it has already taken off the wire.
        pieces = [data]
        while pending():
            pieces.append(super()._sock_recv(READ_BYTES))
        return b"".join(pieces)

    # --- Acknowledging ---------------------------------------------------------------------------------------------

    def owe(self, acks: Acks) -> None:
        """Remember acknowledgements that have to be sent on this connection."""
        self._owed.append(acks)

    def acknowledge(self, acks: Acks) -> None:
        """Send acknowledgements in one piece; not at all when the connection they belong to is gone."""
        if acks.epoch == self.epoch and not self._may_acknowledge():
            self.drop("its slot may be somebody else's by now")
        if acks.epoch == self.epoch:
            self._packet_queue(PUBACK, acknowledgements(acks.numbers), 0, 1)
            self._counters.acked += len(acks.numbers)
        else:
            self._counters.stale += len(acks.numbers)
        acks.settled = True
        while self._owed and self._owed[0].settled:
            self._owed.popleft()

    # --- What paho calls -------------------------------------------------------------------------------------------

    def _create_socket(self) -> socket.socket:
        """Give paho the socket that `begin` got."""
        if self._opened is None:
            raise ConnectionError("a connection begins with an open socket")
        opened, self._opened = self._opened, None
        return opened

    def _sock_recv(self, bufsize: int) -> bytes:
        """Give paho the packet it is to read, never the socket."""
        if not self._offered:
            raise BlockingIOError
        piece, self._offered = self._offered[:bufsize], self._offered[bufsize:]
        return piece

    def _sock_close(self) -> None:
        """Close the socket, and the epoch with it."""
        if self._sock is not None:
            self.epoch += 1
            self._owed.clear()
            self._before_close(cast(socket.socket, self._sock))
        super()._sock_close()
