"""Bridges under test: run step by step in the test's own thread, against real brokers and real buffers."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.bridge.delivery import Buffers
from ingest.bridge.loop import Bridge
from ingest.broker import Broker
from ingest.ring import Ring


class Bench:
    """A broker, a topic that no other test uses, and the bridges a test starts one after another."""

    def __init__(self, url: str, shared: bool) -> None:
        self.broker, self.shared = Broker.of_url(url), shared
        self.name = f"t{secrets.token_hex(4)}"
        self.woken: list[str] = []
        self.bridges: list[Bridge] = []

    def bridge(self, buffers: Buffers, slots: int = 1) -> Bridge:
        """Return a bridge that is connected and subscribed; always the same session."""
        bridge = Bridge(self.name, self.broker, [f"{self.name}/#"], buffers, self.woken.append, slots, self.shared)
        self.bridges.append(bridge)
        step_until(bridge, lambda: all(slot.ready for slot in bridge.slots))
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
