"""Publish one message through the broker and wait for its word.

BrokerAway      the broker cannot be reached or does not answer in time; with QoS 1 it may still have the message
BrokerRefused   the broker answered, and refused the connection or the message
"""

from __future__ import annotations

import secrets
import ssl
import time
from collections.abc import Callable
from typing import Any

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTv5, error_string
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker import Broker

TIMEOUT_S = 5.0  # for everything: whoever asked is waiting
CONNECT_TIMEOUT_S = 3.0
KEEPALIVE_S = 30
LOOP_S = 0.1  # how long one look at the socket waits


class BrokerAway(Exception):
    """The broker cannot be reached, or did not answer in time."""


class BrokerRefused(Exception):
    """The broker refused; the message is its reason."""


def publish(url: str, topic: str, payload: bytes, qos: int, timeout_s: float = TIMEOUT_S) -> str:
    """Publish a message over a connection of its own and return the broker's reason, such as `Success`.

    With QoS 1 it returns when the broker has acknowledged the message, with QoS 0 when it is on its way. Blocks for
    `timeout_s` at most, plus the time the name server takes. Raises BrokerAway or BrokerRefused.
    """
    broker = Broker.of_url(url)
    client = _client(broker)
    talk = _Talk(client, time.monotonic() + timeout_s)
    try:
        client.connect(broker.host, broker.port, KEEPALIVE_S)
        talk.wait_for(lambda: talk.connected)
        client.publish(topic, payload, qos)
        talk.wait_for(lambda: talk.answer)
    except OSError as error:
        raise BrokerAway(f"{broker}: {error}") from error
    finally:
        client.disconnect()
    return str(talk.answer)


def _client(broker: Broker) -> Client:
    name = f"dataflow-http-{secrets.token_hex(6)}"
    client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5, reconnect_on_failure=False)
    client.connect_timeout = CONNECT_TIMEOUT_S
    if broker.username is not None:
        client.username_pw_set(broker.username, broker.password)
    if broker.tls:
        client.tls_set_context(ssl.create_default_context())
    return client


class _Talk:
    """What the broker has said so far, and how long it may still take."""

    def __init__(self, client: Client, deadline: float) -> None:
        self.connected: ReasonCode | None = None
        self.answer: ReasonCode | None = None
        self._client, self._deadline = client, deadline
        self._refusal: ReasonCode | None = None
        client.on_connect = self._on_connect
        client.on_publish = self._on_publish
        client.on_disconnect = self._on_disconnect

    def wait_for(self, word: Callable[[], ReasonCode | None]) -> None:
        """Return when the broker has said a word; raise BrokerRefused when it says no, BrokerAway when it is silent."""
        while word() is None:
            failure = self._client.loop(LOOP_S)
            self._stop_at_a_refusal()
            if failure != MQTT_ERR_SUCCESS and word() is None:
                raise BrokerAway(error_string(failure))
            if time.monotonic() > self._deadline:
                raise BrokerAway("it did not answer in time")
        self._stop_at_a_refusal()

    def _stop_at_a_refusal(self) -> None:
        for code in (self._refusal, self.connected, self.answer):
            if code is not None and code.is_failure:
                raise BrokerRefused(str(code))

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, code: ReasonCode, _properties: Any) -> None:
        self.connected = code

    def _on_publish(self, _client: Client, _data: Any, _mid: int, code: ReasonCode, _properties: Any) -> None:
        self.answer = code

    def _on_disconnect(self, _client: Client, _data: Any, flags: Any, code: ReasonCode, _properties: Any) -> None:
        if flags.is_disconnect_packet_from_server:
            self._refusal = code
