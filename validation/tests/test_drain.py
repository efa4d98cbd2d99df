"""The worker's data path on real services: what comes in is stored once, or kept with its reasons."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection

from ingest.models import Device
from validation.models import Latest, Quarantined
from validation.tests.conftest import Worker


def rows(model: str, columns: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM telemetry.{model} ORDER BY ts, seq")
        return list(cursor.fetchall())


def test_a_reading_is_stored_in_the_typed_table_of_its_model(worker: Worker) -> None:
    now = round(time.time(), 3)
    worker.receive(("vehicles/vehicle_01/telemetry", {"timestamp": now, "seq": 7, "speed": 50.5, "battery": None}))
    worker.work()
    assert rows("vehicle", "extract(epoch from ts)::float8, seq, version, speed, battery") == [(now, 7, 1, 50.5, None)]
    assert Device.objects.get().name == "vehicle_01"
    assert worker.audit().balanced


def test_a_reading_that_comes_again_is_counted_and_not_stored_twice(worker: Worker) -> None:
    reading = ("vehicles/vehicle_01/telemetry", {"timestamp": time.time(), "seq": 1, "speed": 1})
    other = ("vehicles/vehicle_02/telemetry", {"timestamp": time.time(), "seq": 1, "speed": 1})
    worker.receive(reading)
    worker.work()
    worker.receive(reading, other, other)
    worker.work()
    books = worker.audit()
    assert (books.total.received, books.total.stored, books.total.duplicate) == (4, 2, 2)
    assert books.balanced
    assert len(rows("vehicle", "seq")) == 2


def test_an_array_is_many_readings_and_its_bad_one_does_not_take_the_good_ones_along(worker: Worker) -> None:
    now = time.time()
    worker.receive(
        (
            "sensors/attic/telemetry",
            [
                {"device_id": "sensor_001", "temperature": 20, "timestamp": now},
                {"device_id": "sensor_001", "temperature": 999, "timestamp": now + 1},
                {"device_id": "sensor_002", "humidity": 40, "timestamp": "2025-10-13T10:45:00"},
            ],
        )
    )
    worker.work()
    assert [row[0] for row in rows("sensor", "temperature")] == [None, 20.0]
    (bad,) = Quarantined.objects.all()
    assert bytes(bad.payload).startswith(b'{"device_id":"sensor_001","temperature":999')
    assert bad.reasons[0]["path"] == "/temperature"
    assert bad.device == "sensor_001"
    books = worker.audit().total
    assert (books.received, books.stored, books.quarantined) == (3, 2, 1)


def test_the_newest_value_is_the_one_with_the_newest_event_time(worker: Worker) -> None:
    now = time.time()
    topic = "vehicles/vehicle_01/telemetry"
    for ts, speed in ((now, 10), (now - 60, 99), (now + 2, 20)):
        worker.receive((topic, {"timestamp": ts, "speed": speed}))
        worker.work()
    latest = Latest.objects.get()
    assert latest.values == {"speed": 20.0}
    assert latest.interval_s == 2.0
    worker.receive((topic, {"timestamp": now - 3600, "speed": 77}))
    worker.work()
    again = Latest.objects.get()
    assert again.values == {"speed": 20.0}
    assert again.last_seen_at > latest.last_seen_at
