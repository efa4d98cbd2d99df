"""Integers that become numbers, and days that a model no longer keeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from validation import tables
from validation.models import DataModel, Expired, Field
from validation.publishing import publish
from validation.retention.removing import expire
from validation.tables import columns, detach, partitions
from validation.tests.conftest import Worker
from validation.upkeep import finish_widening

TOPIC = "vehicles/vehicle_01/telemetry"
DAY_S = 86_400


def vehicle() -> DataModel:
    return DataModel.objects.get(name="vehicle")


def values(expression: str) -> list[object]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression} FROM telemetry.vehicle ORDER BY ts")
        return [value for (value,) in cursor.fetchall()]


def widen_rpm_between(worker: Worker, old: list[int], new: list[float]) -> None:
    """Receive some readings with an integer, make it a number, and receive some more."""
    now = time.time()
    Field.objects.create(model=vehicle(), name="rpm", kind="integer", position=99)
    publish(vehicle())
    for number, rpm in enumerate(old):
        worker.receive((TOPIC, {"timestamp": now - 3 * DAY_S + number * DAY_S, "speed": 1, "rpm": rpm}))
    worker.work()
    Field.objects.filter(name="rpm").update(kind="number")
    publish(vehicle())
    for number, rpm2 in enumerate(new):
        worker.receive((TOPIC, {"timestamp": now + number, "speed": 1, "rpm": rpm2}))
    worker.work()


def test_an_integer_that_becomes_a_number_is_one_run_of_values(worker: Worker) -> None:
    widen_rpm_between(worker, [1000, 2000], [1500.5])
    assert columns("vehicle")["rpm"] == "double precision"
    read = tables.value("rpm", columns("vehicle"))
    assert values(read.as_string(connection.connection)) == [1000.0, 2000.0, 1500.5]
    assert values("version") == [2, 2, 3]
    assert finish_widening(10) is False
    assert "rpm__integer" not in columns("vehicle")
    assert values("rpm") == [1000.0, 2000.0, 1500.5]
    assert worker.audit().balanced


def test_moving_old_values_goes_on_where_it_was_interrupted(worker: Worker) -> None:
    widen_rpm_between(worker, [1, 2, 3], [4.5])
    while finish_widening(0):
        assert len(values("coalesce(rpm, rpm__integer)")) == 4
    assert values("rpm") == [1.0, 2.0, 3.0, 4.5]


def test_a_worker_that_still_judges_by_the_version_before_can_store_its_integers(worker: Worker) -> None:
    now = time.time()
    Field.objects.create(model=vehicle(), name="rpm", kind="integer", position=99)
    publish(vehicle())
    worker.receive((TOPIC, {"timestamp": now, "speed": 1, "rpm": 1}))
    worker.work()
    behind = worker.drain.writer.published.catalog()
    Field.objects.filter(name="rpm").update(kind="number")
    publish(vehicle())
    worker.drain.writer.published.catalog = lambda: behind  # type: ignore[method-assign]
    worker.receive((TOPIC, {"timestamp": now + 1, "speed": 1, "rpm": 2}))
    worker.work()
    assert values("coalesce(rpm, rpm__integer)") == [1.0, 2.0]


@pytest.fixture
def three_days(worker: Worker) -> datetime:
    """Readings of today and of the two days before; returns now."""
    now = datetime.now(UTC)
    for days in (0, 1, 2):
        worker.receive((TOPIC, {"timestamp": now.timestamp() - days * DAY_S, "speed": days}))
    worker.work()
    return now


def test_days_that_a_model_no_longer_keeps_are_removed_and_counted(worker: Worker, three_days: datetime) -> None:
    assert expire(three_days) == 0
    DataModel.objects.filter(name="vehicle").update(retention_days=1)
    publish(vehicle())
    assert expire(three_days) == 1
    assert values("speed") == [1.0, 0.0]
    [removed] = Expired.objects.all()
    assert (removed.day, removed.rows) == ((three_days - timedelta(days=2)).date(), 1)
    assert expire(three_days) == 0
    worker.receive((TOPIC, {"timestamp": three_days.timestamp() - 3 * DAY_S, "speed": 1}))
    worker.work()
    assert worker.reasons() == [["time_window"]]


def test_a_day_that_a_run_took_out_before_it_died_is_counted_by_the_next(worker: Worker, three_days: datetime) -> None:
    DataModel.objects.filter(name="vehicle").update(retention_days=1)
    publish(vehicle())
    day = (three_days - timedelta(days=2)).date()
    assert detach("vehicle", day)
    assert day not in partitions("vehicle")
    assert expire(three_days) == 1
    assert Expired.objects.get().rows == 1


def test_a_day_that_was_taken_out_and_is_to_be_kept_is_put_back(worker: Worker, three_days: datetime) -> None:
    day = (three_days - timedelta(days=2)).date()
    detach("vehicle", day)
    assert expire(three_days) == 0
    assert day in partitions("vehicle")
    detach("vehicle", day)
    worker.drain.writer.forget()
    worker.receive((TOPIC, {"timestamp": three_days.timestamp() - 2 * DAY_S, "speed": 9, "seq": 1}))
    worker.work()
    assert values("speed") == [2.0, 9.0, 1.0, 0.0]


def test_a_detaching_that_was_interrupted_is_finished_and_the_day_is_put_back(
    worker: Worker, three_days: datetime
) -> None:
    day = (three_days - timedelta(days=2)).date()
    other = connection.copy()
    with transaction.atomic(), connection.cursor() as reader, other.cursor() as cursor:
        reader.execute("SELECT count(*) FROM telemetry.vehicle")  # which the second of its two transactions waits for
        cursor.execute("SET statement_timeout = '300ms'")
        part = tables.partition_name("vehicle", day)
        with pytest.raises(OperationalError, match="timeout"):
            cursor.execute(f"ALTER TABLE telemetry.vehicle DETACH PARTITION telemetry.{part} CONCURRENTLY")
        cursor.execute("RESET statement_timeout")  # whoever gets this connection from the pool next must not have it
    other.close()
    assert day not in partitions("vehicle")
    tables.ensure_partitions("vehicle", [day])
    assert day in partitions("vehicle")
    assert values("speed") == [2.0, 1.0, 0.0]
