"""What the database refuses, or has lost behind our back, costs nothing but the guilty reading."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from django.db import DatabaseError, connection, connections

from ingest.models import Device
from ingest.ring import RECEIVED, STREAM
from validation.drain import Drain
from validation.models import DataModel, Latest, Quarantined
from validation.publishing import publish
from validation.store import Manner
from validation.streams import Entry
from validation.tests.conftest import Worker

TOPIC = "vehicles/vehicle_01/telemetry"


def reading(number: int, speed: float = 50) -> dict[str, float]:
    return {"timestamp": time.time() - 10_000 + number, "seq": number, "speed": speed}


def execute(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_row_that_the_table_refuses_goes_to_quarantine_alone(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    execute("ALTER TABLE telemetry.vehicle ADD CONSTRAINT slow CHECK (speed < 100)")
    worker.receive(*[(TOPIC, reading(number, speed=200 if number == 5 else 50)) for number in range(2, 10)])
    worker.receive((TOPIC, reading(10, speed=150)))
    worker.work()
    books = worker.audit()
    assert (books.total.stored, books.total.quarantined, books.balanced) == (8, 2, True)
    assert worker.reasons() == [["refused_by_table"], ["refused_by_table"]]
    assert b"200" in bytes(Quarantined.objects.order_by("id")[0].payload)
    assert Latest.objects.get().seq == 9, "the newest reading was refused, so it is not the newest value"


def test_a_partition_that_somebody_dropped_is_made_again(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'telemetry.vehicle'::regclass"
        )
        (partition,) = cursor.fetchone()
        cursor.execute(f"DROP TABLE {partition}")
    worker.receive((TOPIC, reading(2)))
    worker.work()
    assert worker.audit().total.stored == 2
    assert worker.reasons() == []


def test_a_device_that_somebody_deleted_is_registered_again(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    Device.objects.all().delete()
    worker.receive((TOPIC, reading(2)))
    worker.work()
    assert Device.objects.count() == 1
    assert worker.audit().total.stored == 2
    assert worker.audit().balanced


def test_a_model_that_registers_no_devices_keeps_strangers_in_quarantine(worker: Worker) -> None:
    model = DataModel.objects.get(name="vehicle")
    model.register_devices = False
    model.save()
    publish(model)
    Device.objects.create(name="vehicle_01")
    worker.receive((TOPIC, reading(1)), ("vehicles/stranger/telemetry", reading(1)))
    worker.work()
    assert worker.reasons() == [["unknown_device"]]
    assert worker.audit().total.stored == 1
    assert not Device.objects.filter(name="stranger").exists()


def test_a_stream_entry_that_is_no_batch_ends_in_quarantine(worker: Worker) -> None:
    worker.client.xadd(STREAM, {"batch": b"what is this"})
    worker.client.xadd(STREAM, {"somebody": "else"})
    worker.receive((TOPIC, reading(1)))
    worker.work()
    books = worker.audit()
    assert (books.total.stored, books.total.quarantined) == (1, 2)
    assert books.balanced, books.complaints
    assert worker.client.hlen(RECEIVED) == 1


def test_entries_wait_while_the_database_is_away_and_are_stored_afterwards(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    worker.receive((TOPIC, reading(2)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with connections.create_connection("default").cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(DatabaseError):
        worker.work()
    connection.close()  # as the task does when it fails
    assert worker.audit().total.in_flight == 1
    worker.work()
    assert worker.audit().total.stored == 2


def test_one_entry_that_keeps_failing_does_not_hold_up_the_others(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.receive((TOPIC, reading(2)))
    store_all = Drain._store

    def poisoned(self: Drain, buffer: str, entries: Sequence[Entry], manner: Manner) -> None:
        if any(entry.batch and b'"seq":1' in entry.batch.payloads[0] for entry in entries):
            raise RuntimeError("something nobody thought of")
        store_all(self, buffer, entries, manner)

    with monkeypatch.context() as patch:
        patch.setattr(Drain, "_store", poisoned)
        worker.work()
    books = worker.audit()
    assert (books.total.stored, books.total.in_flight) == (1, 1)
    worker.work()
    assert worker.audit().total.stored == 2
