"""One MQTT 5 connection of one device, driven by an event loop instead of a thread.

Every attempt to connect gets a new paho client. So nothing is left in it from an older connection: what was
not acknowledged is sent again from the outbox, in order, and by nobody else (paho would also send what it
still holds).
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Any, NamedTuple, Protocol

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from simulators.broker import Broker

log = logging.getLogger(__name__)

KEEPALIVE_S = 30  # a dead peer is noticed within twice this
CONNECT_S = 5.0  # for the TCP handshake
CONNACK_S = 10.0  # for the broker's answer after that
SESSION_S = 24 * 3600  # how long the broker keeps a device's session while it is away
RECEIVE_MAXIMUM = 65_535  # unacknowledged publishes that a broker takes when it names no figure (MQTT 5, 3.2.2.3.3)
UNSPECIFIED = 0x80  # paho's reason for a socket that was closed
NO_SUBSCRIBERS = 0x10  # the broker has thrown the message away (MQTT 5, 3.4.2.1); not every broker says so


class Answer(NamedTuple):
    """A PUBACK: the packet's number, and the broker's reason for refusing it or None for success.

    `unheard`: success, but nobody subscribes to the topic, so the broker keeps nothing of it.
    """

    number: int
    refusal: str | None
    unheard: bool = False


class Owner(Protocol):
    """Who is told what happens on a connection, never from within one of the connection's own methods."""

    def connected(self, connection: Connection, receive_maximum: int) -> None:
        """The broker has accepted the device."""

    def answered(self, connection: Connection, answers: list[Answer]) -> None:
        """PUBACKs came."""

    def lost(self, why: str) -> None:
        """The connection has ended, in whatever way. Called once and last."""


class Connection:
    """A single network connection. `open` may run in any thread; everything else belongs to the event loop's."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        will: tuple[str, bytes],
        tls: ssl.SSLContext | None,
        loop: asyncio.AbstractEventLoop,
        owner: Owner,
    ) -> None:
        """`will` is topic and payload, retained. `owner` is told what happens from `attach` on."""
        self._broker = broker
        self._loop = loop
        self._owner = owner
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id, protocol=mqtt.MQTTv5)
        self._client.connect_timeout = CONNECT_S
        self._client.max_inflight_messages_set(0)  # the sender keeps the window
        self._client.will_set(will[0], will[1], qos=1, retain=True)
        if broker.username is not None:
            self._client.username_pw_set(broker.username, broker.password)
        if tls is not None:
            self._client.tls_set_context(tls)
        self._socket: Any = None
        self._writing = False
        self._accepted = False
        self._deadline = 0.0  # for the CONNACK
        self._news: list[Answer] = []
        self._receive_maximum: int | None = None  # set while the news of the CONNACK is not yet told
        self._why: str | None = None  # the connection has ended
        self._told = False  # … and the owner knows

    def open(self) -> None:
        """Connect and send the CONNECT packet. Blocks for some seconds at most; raises OSError."""
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = SESSION_S
        self._client.connect(
            self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=False, properties=properties
        )

    def attach(self) -> None:
        """Go on in the event loop, after `open`."""
        self._socket = self._client.socket()
        if self._socket is None:
            self._end("the connection was closed at once")
            return
        self._client.on_connect = self._on_connect
        self._client.on_publish = self._on_publish
        self._client.on_disconnect = self._on_disconnect
        self._client.on_socket_close = lambda client, userdata, sock: self._detach()
        self._deadline = self._loop.time() + CONNACK_S
        self._loop.add_reader(self._socket, self._readable)
        self._flush()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int | None:
        """Publish with QoS 1; return the packet's number, or None when the connection is lost."""
        if self._why is not None or self._socket is None:
            return None
        info = self._client.publish(topic, payload, qos=1, retain=retain)
        self._flush()
        return info.mid if info.rc == mqtt.MQTT_ERR_SUCCESS and self._why is None else None

    def check(self) -> None:
        """Keep alive, and notice a peer that has fallen silent. To be called about once a second."""
        if not self._accepted and self._loop.time() > self._deadline:
            self.drop(f"no answer to CONNECT within {CONNACK_S:.0f} s")
            return
        self._client.loop_misc()
        self._flush()

    def disconnect(self) -> None:
        """Say goodbye: the broker keeps the session and does not publish the will."""
        self._client.disconnect()
        self._flush()

    def drop(self, why: str) -> None:
        """Close the socket without a word: the broker publishes the will."""
        self._detach()
        if self._socket is not None:
            self._socket.close()
        self._end(why)

    def discard(self) -> None:
        """Close what `open` has opened, when nobody wants it any more."""
        sock = self._client.socket()
        if sock is not None:
            sock.close()

    def _readable(self) -> None:
        try:
            self._client.loop_read()
            # What TLS has already decrypted makes no socket readable.
            while self._why is None and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
                self._client.loop_read()
        except Exception:
            log.exception("a packet from %s could not be read", self._broker)
            self.drop("a packet could not be read")
            return
        self._flush()
        self._tell()

    def _writable(self) -> None:
        self._client.loop_write()
        self._flush()

    def _flush(self) -> None:
        """Write what paho still holds, and ask to be called again only for what the socket does not take now."""
        if self._client.want_write():
            self._client.loop_write()
        wants = self._why is None and self._client.want_write()
        if wants == self._writing:
            return
        if wants:
            self._loop.add_writer(self._socket, self._writable)
        else:
            self._loop.remove_writer(self._socket)
        self._writing = wants

    def _detach(self) -> None:
        """Take the socket out of the event loop, before it is closed and its number is given to another."""
        if self._socket is not None and self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._writing = False

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if reason.is_failure:
            self._end(f"the broker refused the device: {reason}")
            return
        self._accepted = True
        self._receive_maximum = getattr(properties, "ReceiveMaximum", RECEIVE_MAXIMUM)

    def _on_publish(self, client: Any, userdata: Any, number: int, reason: ReasonCode, properties: Any) -> None:
        refusal = f"{reason} (0x{reason.value:02x})" if reason.is_failure else None
        self._news.append(Answer(number, refusal, reason.value == NO_SUBSCRIBERS))

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: ReasonCode, properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            # Most DISCONNECT packets are too short for paho to find the reason in them.
            self._end("the broker ended the connection")
        else:
            self._end("the connection broke" if reason.value == UNSPECIFIED else str(reason))

    def _end(self, why: str) -> None:
        if self._why is None:
            self._why = why
            self._loop.call_soon(self._tell)

    def _tell(self) -> None:
        """Pass the news on, outside of paho's callbacks, in the order in which they came."""
        if self._told:
            return
        if self._receive_maximum is not None:
            receive_maximum, self._receive_maximum = self._receive_maximum, None
            self._owner.connected(self, receive_maximum)
        if self._news:
            news, self._news = self._news, []
            self._owner.answered(self, news)
        if self._why is not None:
            self._told = True
            self._owner.lost(self._why)
