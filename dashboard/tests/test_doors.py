"""The doors: readings over HTTP, and messages through the broker."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import Client as MqttClient
from paho.mqtt.client import MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from dashboard.tests.conftest import by_token
from dashboard.tests.test_api_access import assert_error
from ingest.broker import Broker
from ingest.doors import http_door, messages_of
from ingest.envelope import Batch, decode
from ingest.publish import BrokerAway, BrokerRefused, publish
from ingest.ring import STREAM, connect, identify

FILED = "sensors/{device_id}/telemetry"
JSON = "application/json"


@pytest.fixture(autouse=True)
def _a_door_of_its_own() -> Iterator[None]:
    """Open the door anew, so that it leads to the buffers that the test names."""
    http_door.cache_clear()
    yield
    http_door.cache_clear()


def entry(settings: Any, buffer: str, number: str) -> Batch:
    """Return what a buffer holds under an entry."""
    for url in settings.BUFFER_URLS:
        if identify(url) == buffer:
            with connect(url) as client:
                ((_, fields),) = client.xrange(STREAM, number, number)
                return decode(fields[b"batch"])
    raise LookupError(buffer)


def test_a_reading_is_in_a_buffer_byte_for_byte_when_it_is_acknowledged(as_bob: Client, settings: Any) -> None:
    body = b' {"speed": 1.50, "device_id":"x",\n"n": 12345678901234567890123} '
    response = as_bob.post("/bridge/ingest?topic=vehicles/van_1/telemetry", body, content_type=JSON)
    assert response.status_code == 202
    receipt = response.json()
    batch = entry(settings, receipt.pop("buffer"), receipt.pop("entry"))
    assert receipt == {"received": 1, "stored": 0, "duplicate": 0, "quarantined": 0, "in_flight": 1}
    assert (batch.topics, batch.payloads, batch.source) == ([b"vehicles/van_1/telemetry"], [body], "http")


def test_an_array_is_as_many_messages_in_one_batch(as_bob: Client, settings: Any) -> None:
    body = b'[{"device_id": "a", "t": 1.0}, {"device_id":"b:2"} ,{"t":2,"device_id": "a"}]'
    receipt = as_bob.post("/bridge/ingest", body, content_type=JSON).json()
    assert (receipt["received"], receipt["in_flight"]) == (3, 3)
    batch = entry(settings, receipt["buffer"], receipt["entry"])
    assert batch.topics == [b"sensors/a/telemetry", b"sensors/b:2/telemetry", b"sensors/a/telemetry"]
    assert batch.payloads == [b'{"device_id": "a", "t": 1.0}', b'{"device_id":"b:2"}', b'{"t":2,"device_id": "a"}']


def test_a_session_with_its_csrf_token_may_send_readings(bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    client.get("/login/")
    token = client.get("/api/docs?script=").cookies["csrftoken"].value
    headers = {"X-CSRFToken": token}
    response = client.post("/bridge/ingest", {"device_id": "a"}, content_type=JSON, headers=headers)
    assert response.status_code == 202


@pytest.mark.parametrize(
    ("address", "body", "attr", "word"),
    [
        ("", b"", None, "JSON"),
        ("", b"5", None, "object"),
        ("", b"[]", None, "no reading"),
        ("", b"{}", "device_id", "device_id"),
        ("", b'{"device_id": 5}', "device_id", "cannot name"),
        ("", b'{"device_id": "a/b"}', "device_id", "cannot name"),
        ("", b'{"device_id": "+"}', "device_id", "cannot name"),
        ("", b'[{"device_id": "a"}, {"device_id": ""}]', "1.device_id", "cannot name"),
        ("", b'[{"device_id": "a"}, 5]', "1.device_id", "device_id"),
        ("", b"[" + b"1," * 10_000 + b"1]", None, "10,000"),
        ("?topic=", b"{}", "topic", "empty"),
        ("?topic=a/%2B/b", b"{}", "topic", "wildcard"),
        ("?topic=a/%23", b"{}", "topic", "wildcard"),
        ("?topic=a%00b", b"{}", "topic", "NUL"),
        ("?topic=status/van_1", b"{}", "topic", "platform"),
        ("?topic=commands/van_1", b"{}", "topic", "platform"),
        ("?topic=$SYS/uptime", b"{}", "topic", "platform"),
    ],
)
def test_what_cannot_be_filed_is_refused_whole(
    address: str, body: bytes, attr: str | None, word: str, as_bob: Client, settings: Any
) -> None:
    before = [length(url) for url in settings.BUFFER_URLS]
    error = assert_error(as_bob.post(f"/bridge/ingest{address}", body, content_type=JSON), 400)
    assert word in error["detail"]
    assert error["attr"] in (attr, "non_field_errors" if attr is None else attr)
    assert [length(url) for url in settings.BUFFER_URLS] == before


def length(url: str) -> int:
    with connect(url) as client:
        return int(client.xlen(STREAM))


def test_without_a_buffer_nothing_is_acknowledged(as_bob: Client, settings: Any) -> None:
    settings.BUFFER_URLS = ["redis://127.0.0.1:1", "redis://:secret@127.0.0.1:2"]
    as_bob.raise_request_exception = False
    response = as_bob.post("/bridge/ingest", {"device_id": "a"}, content_type=JSON)
    assert_error(response, 503, "unavailable")
    assert int(response["Retry-After"]) > 0
    assert b"127.0.0.1" not in response.content


def test_a_buffer_that_is_away_is_skipped(as_bob: Client, settings: Any) -> None:
    settings.BUFFER_URLS = ["redis://127.0.0.1:1", settings.BUFFER_URLS[0]]
    receipts = [as_bob.post("/bridge/ingest", {"device_id": "a"}, content_type=JSON).json() for _ in range(3)]
    assert {receipt["buffer"] for receipt in receipts} == {identify(settings.BUFFER_URLS[1])}


def test_many_threads_share_one_door(settings: Any) -> None:
    appended: list[Any] = []

    def send() -> None:
        appended.extend(http_door().let_in([b"t"], [b"{}"]) for _ in range(20))

    threads = [threading.Thread(target=send) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(appended)) == 100
    assert {item.buffer for item in appended} == {identify(url) for url in settings.BUFFER_URLS}


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.lists(JSON_VALUES, min_size=1, max_size=6), st.integers(0, 2))
def test_the_messages_of_an_array_are_its_items_as_they_were_written(items: list[Any], indent: int) -> None:
    text = json.dumps(items, indent=indent)
    if any("\\ud" in json.dumps(item) for item in items):
        return  # half of a surrogate pair is not Unicode, and is refused
    topics, payloads = messages_of(text.encode(), "a/b", FILED)
    assert len(topics) == len(payloads) == len(items)
    assert [json.loads(payload) for payload in payloads] == items
    assert all(payload.decode() in text for payload in payloads)


@pytest.fixture
def listening(settings: Any) -> Iterator[list[tuple[str, bytes]]]:
    """Listen to everything under `test/` on the broker; gives the messages as they come."""
    heard: list[tuple[str, bytes]] = []
    subscribed = threading.Event()
    broker = Broker.of_url(settings.MQTT_URL)
    client = MqttClient(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.username_pw_set(broker.username or "", broker.password)
    client.on_message = lambda _c, _d, message: heard.append((message.topic, message.payload))
    client.on_subscribe = lambda *_: subscribed.set()
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe("test/#", 1)
    assert subscribed.wait(5)
    yield heard
    client.disconnect()
    client.loop_stop()


def wait_for(heard: list[Any], count: int) -> None:
    pause = threading.Event()
    for _ in range(100):
        if len(heard) >= count:
            return
        pause.wait(0.05)


def test_what_is_published_arrives(as_bob: Client, listening: list[tuple[str, bytes]]) -> None:
    for qos, payload in ((0, {"speed": 1.5}), (1, [1, "ü"]), (1, "as it is")):
        body = {"topic": "test/a", "payload": payload, "qos": qos}
        response = as_bob.post("/mqtt/publish", body, content_type=JSON)
        assert response.status_code == 200, response.content
        assert response.json().keys() == {"topic", "qos", "reason"}
    wait_for(listening, 3)
    assert {topic for topic, _ in listening} == {"test/a"}
    assert {payload for _, payload in listening} == {b'{"speed":1.5}', '[1,"ü"]'.encode(), b"as it is"}


@pytest.mark.parametrize(
    ("body", "status", "attr"),
    [
        ({"payload": {}}, 400, "topic"),
        ({"topic": "a"}, 400, "payload"),
        ({"topic": "a", "payload": 5}, 400, "payload"),
        ({"topic": "a", "payload": None}, 400, "payload"),
        ({"topic": "a", "payload": {}, "qos": 2}, 400, "qos"),
        ({"topic": "a/#", "payload": {}}, 400, "topic"),
        ({"topic": "", "payload": {}}, 400, "topic"),
        ({"topic": "x" * 70_000, "payload": {}}, 400, "topic"),
        ({"topic": "commands/van_1", "payload": {}}, 403, None),
        ({"topic": "status/van_1", "payload": "offline"}, 403, None),
        ({"topic": "$SYS/x", "payload": {}}, 403, None),
        ([], 400, None),
    ],
)
def test_what_may_not_be_published_is_refused(body: Any, status: int, attr: str | None, as_bob: Client) -> None:
    error = assert_error(as_bob.post("/mqtt/publish", body, content_type=JSON), status)
    assert attr in (None, error["attr"])


def test_a_broker_that_is_away_or_refuses_is_told_apart(as_bob: Client, settings: Any, monkeypatch: Any) -> None:
    as_bob.raise_request_exception = False
    settings.MQTT_URL = "mqtt://user:secret@127.0.0.1:1"
    response = as_bob.post("/mqtt/publish", {"topic": "a", "payload": {}}, content_type=JSON)
    assert_error(response, 503, "broker_away")
    assert b"secret" not in response.content

    def refuse(*args: object) -> str:
        raise BrokerRefused("Not authorized")

    monkeypatch.setattr("dashboard.api.doors.publish", refuse)
    response = as_bob.post("/mqtt/publish", {"topic": "a", "payload": {}}, content_type=JSON)
    assert "Not authorized" in assert_error(response, 502, "refused")["detail"]


def test_a_broker_that_never_answers_costs_no_more_than_the_time_out() -> None:
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as server:
        began = time.monotonic()
        with pytest.raises(BrokerAway):
            publish(f"mqtt://127.0.0.1:{server.getsockname()[1]}", "a", b"{}", 1, timeout_s=0.5)
        assert time.monotonic() - began < 3


def test_only_operators_may_publish(charlie: User) -> None:
    response = by_token(charlie).post("/mqtt/publish", {"topic": "a", "payload": {}}, content_type=JSON)
    assert_error(response, 403, "permission_denied")
