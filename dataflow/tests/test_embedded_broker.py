"""What the embedded broker can be relied on for, and what happens when it fails."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from paho.mqtt.client import Client, ConnectFlags, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from dataflow.embedded import process
from dataflow.embedded.broker import Broker, Session
from dataflow.embedded.output import Output
from dataflow.embedded.ports import LOOPBACK, Ports
from dataflow.embedded.process import ServiceChild

BRIDGE = Session("dataflow-bridge-0-0", ("#",))


class Subscriber:
    """A client with a persistent session that acknowledges only when it is told to."""

    def __init__(self, port: int, client_id: str, topic: str = "") -> None:
        self.payloads: list[bytes] = []
        self.session_present: bool | None = None
        self._ready = threading.Event()
        self._topic = topic
        self.client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, manual_ack=True)
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self._ready.set()
        self.client.on_message = self._received
        self.client.connect(LOOPBACK, port, clean_start=False)
        self.client.loop_start()
        assert self._ready.wait(5)

    def vanish(self) -> None:
        """Go without a DISCONNECT, as a killed process does."""
        sock = self.client.socket()
        self.client.loop_stop()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        sock.close()

    def _connected(
        self, client: Client, userdata: object, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        self.session_present = flags.session_present
        if self._topic:
            client.subscribe(self._topic, 1)
        else:
            self._ready.set()

    def _received(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        self.payloads.append(message.payload)


def publish(port: int, payloads: list[bytes]) -> None:
    """Publish with QoS 1 and return once all are acknowledged."""
    client = Client(CallbackAPIVersion.VERSION2, "publisher", protocol=MQTTv5)
    client.connect(LOOPBACK, port, clean_start=True)
    client.loop_start()
    for sent in [client.publish("vehicles/a/telemetry", payload, 1) for payload in payloads]:
        sent.wait_for_publish(10)
        assert sent.is_published()
    client.disconnect()
    client.loop_stop()


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def kept_running(broker: Broker) -> AsyncIterator[tuple[ServiceChild, io.StringIO]]:
    screen = io.StringIO()
    child = ServiceChild(broker, Output(screen))
    await child.start()
    try:
        await child.wait_until_it_answers(20)
        yield child, screen
    finally:
        await child.stop()


@pytest.fixture
def broker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Broker:
    monkeypatch.setattr(process, "HEALTH_S", 0.2)
    ports = Ports(anywhere=True)
    return Broker(tmp_path, ports.take(1883), ports.take(1884), [BRIDGE])


async def test_what_comes_before_the_first_bridge_is_kept_for_it(broker: Broker) -> None:
    async with kept_running(broker):
        payloads = [b"%d" % number for number in range(50)]
        await asyncio.to_thread(publish, broker.port5, payloads)
        bridge = await asyncio.to_thread(Subscriber, broker.port5, BRIDGE.client_id)
        await until(lambda: bridge.payloads == payloads)
        assert bridge.session_present is True
        bridge.vanish()


async def test_what_comes_after_a_restart_and_before_the_bridge_is_kept_for_it(broker: Broker) -> None:
    async with kept_running(broker) as (child, screen):
        os.kill(child.pid or 0, signal.SIGKILL)
        await until(lambda: child.restarts == 1 and "does not answer" not in screen.getvalue()[-20:])
        await until(lambda: _subscribed(broker))
        await asyncio.to_thread(publish, broker.port5, [b"early"])
        bridge = await asyncio.to_thread(Subscriber, broker.port5, BRIDGE.client_id)
        await until(lambda: bridge.payloads == [b"early"])
        bridge.vanish()


def _subscribed(broker: Broker) -> bool:
    """Tell whether the bridge's session is there, without taking it: it answers that a session is present."""
    try:
        bridge = Subscriber(broker.port5, BRIDGE.client_id)
    except (OSError, AssertionError):
        return False
    bridge.vanish()
    return bridge.session_present is True


async def test_what_was_not_acknowledged_comes_again_in_order_after_a_reconnect(broker: Broker) -> None:
    async with kept_running(broker):
        first = await asyncio.to_thread(Subscriber, broker.port5, BRIDGE.client_id)
        payloads = [b"%d" % number for number in range(1000)]
        await asyncio.to_thread(publish, broker.port5, payloads)
        await until(lambda: len(first.payloads) == 100)  # the window, of which no setting makes more
        for number in range(30):
            first.client.ack(number + 1, 1)
        await until(lambda: len(first.payloads) == 130)
        first.vanish()
        second = await asyncio.to_thread(Subscriber, broker.port5, BRIDGE.client_id)
        await until(lambda: len(second.payloads) == 100)
        assert second.payloads == payloads[30:130]
        second.vanish()


async def test_a_broker_that_runs_without_answering_is_started_again(broker: Broker) -> None:
    broker.patience = 0.5
    async with kept_running(broker) as (child, screen):
        # The last member of a shared subscription that leaves with a message unacknowledged ends rumqttd's router.
        member = await asyncio.to_thread(Subscriber, broker.port5, "member", "$share/group/#")
        await asyncio.to_thread(publish, broker.port5, [b"never acknowledged"])
        await until(lambda: member.payloads == [b"never acknowledged"])
        member.vanish()
        await until(lambda: child.restarts == 1, seconds=30)
        assert "has not answered for 0.5 s: killed" in screen.getvalue()
        await until(lambda: "answers again" in screen.getvalue(), seconds=30)


async def test_a_message_of_two_mebibytes_passes(broker: Broker) -> None:
    async with kept_running(broker):
        payload = b"x" * (2 * 1024 * 1024)
        await asyncio.to_thread(publish, broker.port5, [payload])
        bridge = await asyncio.to_thread(Subscriber, broker.port5, BRIDGE.client_id)
        await until(lambda: bridge.payloads == [payload])
        bridge.vanish()
