"""What a draft would do, before it is published."""

from __future__ import annotations

import time

import msgspec
import pytest
import redis
from django.conf import settings

from validation import recent
from validation.models import DataModel, Field
from validation.publishing import publish
from validation.samples import SENSOR, VEHICLE
from validation.spec import FieldSpec
from validation.tests.conftest import Worker
from validation.trial import compare, try_payload

TOPIC = "vehicles/vehicle_01/telemetry"


@pytest.fixture(autouse=True)
def nothing_recent() -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete("dataflow:recent:vehicle", "dataflow:recent:sensor")


def vehicle() -> DataModel:
    return DataModel.objects.get(name="vehicle")


def with_maximum(maximum: float) -> DataModel:
    Field.objects.filter(model__name="vehicle", name="speed").update(maximum=maximum)
    return vehicle()


def test_a_payload_that_passes_shows_the_row_that_it_would_make(db: None) -> None:
    [tried] = try_payload(
        VEHICLE, TOPIC, b'{"timestamp": 1763700000, "speed": 50, "seq": 7, "colour": "red"}', 1763700001
    )
    assert (tried.accepted, tried.device, tried.row) == (True, "vehicle_01", {"seq": 7, "speed": 50.0})
    assert tried.ts is not None
    assert tried.ts.timestamp() == 1763700000


def test_a_payload_that_fails_shows_every_fault_with_its_path(db: None) -> None:
    [tried] = try_payload(VEHICLE, TOPIC, b'{"timestamp": "now", "speed": 500, "battery": "full"}')
    assert [(reason.code, reason.path) for reason in tried.reasons] == [
        ("type", "/battery"),
        ("maximum", "/speed"),
    ]
    [elsewhere] = try_payload(VEHICLE, "cars/1", b"{}")
    assert elsewhere.reasons[0].code == "unknown_topic"


def test_each_reading_of_an_array_is_tried(db: None) -> None:
    tried = try_payload(VEHICLE, TOPIC, b'[{"timestamp": 1763700000, "speed": 1}, {"speed": 1}]', 1763700001)
    assert [one.accepted for one in tried] == [True, False]


def test_a_device_that_would_not_be_registered_is_said(db: None) -> None:
    strict = msgspec.structs.replace(SENSOR, register_devices=False)
    now = time.time()
    payload = b'{"device_id": "nobody", "timestamp": %f, "humidity": 5}' % now
    [tried] = try_payload(strict, "sensors/a/telemetry", payload, now)
    assert [reason.code for reason in tried.reasons] == ["unknown_device"]


def test_a_draft_that_can_judge_nothing_says_why(db: None) -> None:
    broken = msgspec.structs.replace(VEHICLE, fields=(FieldSpec(name="a", kind="number", minimum=2, maximum=1),))
    with pytest.raises(ValueError, match="Nothing lies between"):
        try_payload(broken, TOPIC, b"{}")


def test_a_draft_is_compared_with_the_version_in_use_on_what_came_lately(worker: Worker) -> None:
    now = time.time()
    for number, speed in enumerate((10, 100, 200, 260, 270)):
        worker.receive((TOPIC, {"timestamp": now + number, "speed": speed}))
    worker.work()
    wider = with_maximum(265)
    result = compare(wider, wider.spec())
    assert (result.examined, result.passing, result.failing, result.newly_passing) == (5, 4, 1, 1)
    assert result.newly_failing == []
    narrower = with_maximum(150)
    result = compare(narrower, narrower.spec())
    assert (result.passing, result.failing, result.newly_passing) == (2, 3, 0)
    [group] = result.newly_failing
    assert (group.code, group.place, group.count) == ("maximum", "/speed", 1)
    assert '"speed": 200' in group.sample.replace('":2', '": 2')
    assert sum(group.count for group in result.still_failing) == 2


def test_trying_and_comparing_change_nothing(worker: Worker) -> None:
    worker.receive((TOPIC, {"timestamp": time.time(), "speed": 1}))
    worker.work()
    before = (vehicle().spec(), worker.audit().total, len(recent.messages("vehicle")))
    compare(vehicle(), vehicle().spec())
    try_payload(vehicle().spec(), TOPIC, b'{"timestamp": 1, "speed": 1}')
    assert (vehicle().spec(), worker.audit().total, len(recent.messages("vehicle"))) == before


def test_what_is_kept_lately_is_bounded_and_newest_first(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "A_SECOND", 100_000)
    publish(vehicle())
    now = time.time()
    for start in range(0, 1_500, 100):
        for number in range(start, start + 100):
            worker.receive((TOPIC, {"timestamp": now, "speed": 1, "seq": number}))
        worker.work()
    kept = recent.messages("vehicle", 5_000)
    assert len(kept) == recent.KEPT
    assert b'"seq":1499' in kept[0].payload.replace(b" ", b"")


def test_however_many_come_in_a_second_only_some_are_kept(worker: Worker) -> None:
    publish(vehicle())
    began = time.monotonic()
    for start in range(0, 900, 300):
        worker.receive(*[(TOPIC, {"timestamp": time.time(), "speed": 1, "seq": start + n}) for n in range(300)])
        worker.work()
    seconds = time.monotonic() - began
    assert recent.A_SECOND <= len(recent.messages("vehicle", 5_000)) <= recent.A_SECOND * (1 + seconds)


def test_a_server_that_is_away_is_no_reason_to_stop(worker: Worker, settings: object) -> None:
    recent._client.cache_clear()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"  # type: ignore[attr-defined]
    try:
        worker.receive((TOPIC, {"timestamp": time.time(), "speed": 1}))
        worker.work()
        assert worker.audit().total.stored == 1
        assert compare(vehicle(), vehicle().spec()).examined == 0
    finally:
        recent._client.cache_clear()
