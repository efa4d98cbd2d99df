"""A broker that drops what it has acknowledged is noticed, whatever it says to the devices."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from dataflow.embedded.probes import probe_mqtt
from ingest.bridge.client import SESSION_EXPIRY_S
from ingest.broker import Broker
from ingest.broker_health import BrokerWatch, lost_session, watch
from ingest.tests.servers import Forgetful, Mosquitto, needs_mosquitto
from tests.project import eventually


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Forgetful]:
    server = Forgetful(tmp_path)
    yield server
    server.close()


def client_of(server: Mosquitto, name: str) -> Client:
    """Return a connected client whose session the broker keeps."""
    client = Client(CallbackAPIVersion.VERSION2, name, protocol=MQTTv5)
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = 3600
    client.connect("127.0.0.1", server.port, clean_start=False, properties=properties)
    client.loop_start()
    eventually(client.is_connected, "connected")
    return client


def leave_a_session(server: Mosquitto) -> None:
    """Subscribe as a bridge would, and go away."""
    bridge = client_of(server, "dataflow-bridge-0")
    granted: list[int] = []
    bridge.on_subscribe = lambda client, data, mid, reasons, properties: granted.append(mid)
    bridge.subscribe("vehicles/#", 1)
    eventually(lambda: bool(granted), "subscribed")
    bridge.disconnect()
    bridge.loop_stop()


def publish(server: Mosquitto, count: int) -> None:
    """Publish as a device would; every message is acknowledged."""
    device = client_of(server, "device")
    for number in range(count):
        device.publish("vehicles/one/telemetry", str(number), qos=1).wait_for_publish(10)
    device.disconnect()
    device.loop_stop()


@needs_mosquitto
def test_a_broker_that_drops_while_the_bridge_is_away_is_reported_with_how_many(broker: Forgetful) -> None:
    said: list[tuple[int, str]] = []
    watching = watch(broker.url, lambda level, sentence: said.append((level, sentence)))
    eventually(lambda: watching.health.dropped == 0, "the counter was heard")
    leave_a_session(broker)
    publish(broker, 40)  # one in flight and a short queue have room
    eventually(lambda: watching.health.dropped_since >= 30, "all that was dropped is known")
    assert watching.health.dropped_since in range(40 - broker.queue - 1, 40 - broker.queue + 1)
    eventually(lambda: bool(said), "it was said")
    assert said[0][0] == logging.ERROR
    assert "is dropping messages" in said[0][1]
    # Whoever starts now hears what has happened before.
    late: list[tuple[int, str]] = []
    second = watch(broker.url, lambda level, sentence: late.append((level, sentence)))
    eventually(lambda: bool(late), "the past was said")
    assert late[0][0] == logging.WARNING
    assert "has dropped" in late[0][1]
    assert second.health.dropped_since == 0
    # A broker that is started anew counts from the beginning, and what it drops then is added.
    before = watching.health.dropped_since
    broker.stop()
    broker.start()
    eventually(lambda: watching.health.dropped == 0, "the watch is back", 60)
    assert watching.health.dropped_since == before
    for found in (watching, second):
        found.stop()


@needs_mosquitto
def test_a_broker_that_drops_nothing_gives_no_cause_for_words(tmp_path: Path) -> None:
    server = Mosquitto(tmp_path)  # its queue is long
    said: list[str] = []
    watching = watch(server.url, lambda level, sentence: said.append(sentence))
    try:
        eventually(lambda: watching.health.dropped == 0, "the counter was heard")
        leave_a_session(server)
        publish(server, 40)
        assert (watching.health.dropped_since, said) == (0, [])
    finally:
        watching.stop()
        server.close()


def test_the_embedded_broker_is_left_alone_and_lives_on() -> None:
    said: list[tuple[int, str]] = []
    watching = watch(settings.MQTT_URL, lambda level, sentence: said.append((level, sentence)))
    eventually(lambda: bool(said), "given up")
    assert said == [(logging.INFO, said[0][1])]
    assert "cannot be watched" in said[0][1]
    assert watching.health.dropped is None
    probe_mqtt(settings.MQTT_URL, version5=True)


def test_what_a_counter_gains_over_a_restart_of_the_broker_adds_up() -> None:
    watching = BrokerWatch(Broker.of_url("mqtt://127.0.0.1:1"), lambda level, sentence: None)
    topic = "$SYS/brokers/emqx@one/metrics/delivery/dropped/queue_full"
    since = []
    for count in (100, 100, 130, 5, 8):
        watching._note(topic, count)
        since.append(watching.health.dropped_since)
    assert since == [0, 0, 30, 35, 38]
    assert watching.health.dropped == 8


def test_a_session_that_should_be_there_is_told_from_one_that_never_was() -> None:
    now = datetime(2026, 11, 21, 12, tzinfo=UTC)
    assert lost_session("dataflow-0", None, now, SESSION_EXPIRY_S) is None
    assert "has lost the session" in (lost_session("dataflow-0", now - timedelta(hours=1), now, SESSION_EXPIRY_S) or "")
    assert "nobody used it for 9 days" in (lost_session("d-0", now - timedelta(days=9), now, SESSION_EXPIRY_S) or "")
