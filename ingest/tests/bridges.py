"""Bridges under test: run step by step in the test's own thread, against real brokers and real buffers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.bridge.delivery import Buffers
from ingest.bridge.loop import Bridge
from ingest.bridge.tenure import Tenure, steady
from ingest.broker import Broker
from ingest.names import session_name
from ingest.ring import Ring
from ingest.slots import Lease


class Bench:
    """A broker, a topic that no other test uses, and the bridges a test starts one after another."""

    def __init__(self, url: str, shared: bool) -> None:
        self.broker, self.shared = Broker.of_url(url), shared
        self.name = f"t{secrets.token_hex(4)}"
        self.woken: list[str] = []
        self.bridges: list[Bridge] = []

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings of bridges in processes of their own."""
        return {
            "MQTT_URL": f"mqtt://{self.broker.host}:{self.broker.port}",
            "MQTT_TOPICS": f"{self.name}/#",
            "MQTT_SHARED": str(self.shared).lower(),
            "MQTT_GROUP": self.name,
        }

    def bridge(self, buffers: Buffers, slots: int = 1, tenure: Tenure | None = None) -> Bridge:
        """Return a bridge that is connected and subscribed; always the same session."""
        tenure = tenure or tenure_of(*(session_name(self.name, number) for number in range(slots)))
        bridge = Bridge(self.name, self.broker, [f"{self.name}/#"], buffers, self.woken.append, tenure, self.shared)
        self.bridges.append(bridge)
        step_until(bridge, lambda: len(bridge.slots) == slots and all(slot.ready for slot in bridge.slots))
        return bridge

    def publish(self, payloads: Iterable[bytes], topic: str = "v/telemetry", qos: int = 1) -> None:
        """Publish messages and wait until the broker has them all."""
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        client.max_inflight_messages_set(500)
        client.connect(self.broker.host, self.broker.port)
        client.loop_start()
        sent = [client.publish(f"{self.name}/{topic}", payload, qos) for payload in payloads]
        for info in sent:
            info.wait_for_publish(10)
        client.disconnect()
        client.loop_stop()


def tenure_of(*sessions: str, lease_s: float = 3600.0, clock: Callable[[], float] = steady) -> Tenure:
    """Return the tenure of a bridge that the database has just given some sessions."""
    tenure = Tenure(lease_s, clock)
    tenure.answered(tenure.clock(), [Lease(name, number, 1, False) for number, name in enumerate(sessions)], [])
    return tenure


def step_until(bridge: Bridge, condition: Callable[[], bool], seconds: float = 10) -> None:
    """Let a bridge work until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time: {bridge.counters}"
        bridge.step()


def step_for(bridge: Bridge, seconds: float) -> None:
    """Let a bridge work for a while."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        bridge.step()


def crash(bridge: Bridge) -> None:
    """End a bridge as `kill -9` would: what it holds is gone, and nobody is told."""
    for slot in bridge.slots:
        slot.client.drop("killed")


def ring_of(*urls: str) -> Ring:
    """Return a ring that tries a failing buffer again at once, so that no test waits for it."""
    now = [0.0]

    def clock() -> float:
        now[0] += 10
        return now[0]

    return Ring(urls, clock)
