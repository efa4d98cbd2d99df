"""A subscriber with a persistent session that notes everything that arrives."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from simulators.broker import parse_broker_url


class Witness:
    """Notes readings and status messages. Comes back by itself when the broker does."""

    def __init__(self, url: str, *filters: str) -> None:
        broker = parse_broker_url(url)
        self.readings: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.statuses: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        self._filters = filters or ("vehicles/#", "sensors/#", "status/#")
        self._subscribed = False
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, f"witness-{uuid.uuid4().hex}", protocol=mqtt.MQTTv5)
        self._client.username_pw_set(broker.username, broker.password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        self._client.connect(broker.host, broker.port, clean_start=False, properties=properties)
        self._client.loop_start()
        wait_until(lambda: self._subscribed)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def sequence(self, device: str) -> list[int]:
        """Sequence numbers of a device in the order of their first arrival."""
        return list(dict.fromkeys(reading["seq"] for reading in self.readings[device]))

    def _on_connect(self, client: mqtt.Client, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not flags.session_present:
            client.subscribe([(topic, 1) for topic in self._filters])

    def _on_subscribe(self, *args: Any) -> None:
        self._subscribed = True

    def _on_message(self, client: mqtt.Client, userdata: Any, message: mqtt.MQTTMessage) -> None:
        kind, device = message.topic.split("/")[:2]
        if kind == "status":
            self.statuses[device].append((message.payload.decode(), message.retain))
        else:
            self.readings[device].append(json.loads(message.payload))


def wait_until(condition: Any, seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
