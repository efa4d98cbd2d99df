"""The telemetry tables: made, widened and divided into days while others read and write them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction

from validation import tables
from validation.spec import FieldSpec, Kind, ModelSpec, faults_of_names
from validation.tables import (
    columns,
    ensure_partitions,
    ensure_table,
    faults_of_types,
    partition_name,
    partitions,
    table,
)

pytestmark = pytest.mark.django_db

DAY = date(2025, 10, 9)
OWN = {
    "ts": "timestamp with time zone",
    "received_at": "timestamp with time zone",
    "seq": "bigint",
    "device_id": "integer",
    "version": "integer",
}


def model(*fields: tuple[str, Kind], name: str = "van") -> ModelSpec:
    return ModelSpec(
        name=name,
        topic_filter=f"{name}/+",
        fields=tuple(FieldSpec(name=field, kind=kind) for field, kind in fields),
    )


def insert(at: str, seq: int = 0, name: str = "van") -> None:
    """Insert a row with nothing but its key."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO telemetry."{name}" (ts, received_at, seq, device_id, version) VALUES (%s, now(), %s, 1, 1)',
            [at, seq],
        )


@pytest.fixture
def other(transactional_db: None) -> Iterator[psycopg.Connection[Any]]:
    """A connection of somebody else, who has to commit or roll back."""
    with psycopg.connect(settings.DATABASE_URL, dbname=connection.settings_dict["NAME"]) as opened:
        yield opened


def in_threads(count: int, work: Any) -> list[BaseException]:
    """Run some work in several threads at the same moment, each with its own connection; return what they raised."""
    barrier, raised = threading.Barrier(count), []

    def run() -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:  # noqa: BLE001  (handed to the test)
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


def test_a_model_gets_a_table_with_a_typed_column_for_each_field() -> None:
    kinds: tuple[Kind, ...] = ("number", "integer", "boolean", "text", "choice", "timestamp")
    ensure_table(model(*[(f"a_{kind}", kind) for kind in kinds]))
    assert columns("van") == OWN | {
        "a_number": "double precision",
        "a_integer": "bigint",
        "a_boolean": "boolean",
        "a_text": "text",
        "a_choice": "text",
        "a_timestamp": "timestamp with time zone",
    }


def test_doing_it_again_changes_nothing() -> None:
    for _ in range(3):
        ensure_table(model(("speed", "number")))
        ensure_partitions("van", [DAY])
    assert columns("van") == OWN | {"speed": "double precision"}
    assert partitions("van") == {DAY}


def test_a_new_field_becomes_a_column_of_all_days_and_an_old_one_stays() -> None:
    ensure_table(model(("speed", "number")))
    ensure_partitions("van", [DAY])
    ensure_table(model(("driver", "text")))
    assert columns("van") == OWN | {"speed": "double precision", "driver": "text"}
    assert columns(partition_name("van", DAY)) == columns("van")


def test_a_field_that_changes_its_type_is_refused_in_words() -> None:
    ensure_table(model(("speed", "number"), ("driver", "text")))
    (fault,) = faults_of_types(model(("speed", "integer"), ("driver", "choice"), ("new", "text")), columns("van"))
    assert "'speed' holds double precision" in fault
    assert "integer needs bigint" in fault


def test_a_model_of_another_schema_is_none_of_ours() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE van (x integer)")
    assert columns("van") == {}
    assert partitions("van") == set()


@pytest.mark.parametrize("name", ["select", "user", "order", "v" * 48, "oid", "null", "table"])
def test_reserved_and_long_names_are_only_names(name: str) -> None:
    field = "x" * 63 if len(name) == 48 else name
    spec = model((field, "number"), name=name)
    assert faults_of_names(spec) == []
    ensure_table(spec)
    ensure_partitions(name, [DAY])
    insert("2025-10-09T12:00:00Z", name=name)
    assert columns(name) == OWN | {field: "double precision"}
    assert partitions(name) == {DAY}


@pytest.mark.parametrize("name", ['v" (x int); DROP TABLE ingest_device; --', "v'%s", "a.b", "Ü", "{}"])
def test_a_hostile_name_is_quoted_even_if_it_gets_this_far(name: str) -> None:
    ensure_table(model((name, "number"), name=name))
    ensure_partitions(name, [DAY])
    assert columns(name) == OWN | {name: "double precision"}
    assert partitions(name) == {DAY}
    assert table("a.b").as_string(None) == '"telemetry"."a.b"'


def test_a_day_is_a_day_in_utc_from_midnight_to_midnight() -> None:
    ensure_table(model())
    ensure_partitions("van", [DAY])
    insert("2025-10-09T00:00:00Z")
    insert("2025-10-09T23:59:59.999999Z")
    for outside in ("2025-10-08T23:59:59.999999Z", "2025-10-10T00:00:00Z"):
        with pytest.raises(IntegrityError, match="no partition"), transaction.atomic():
            insert(outside)


@pytest.mark.parametrize("day", [date(1970, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(2099, 12, 31)])
def test_any_day_of_a_window_can_be_made(day: date) -> None:
    ensure_table(model())
    ensure_partitions("van", [day])
    insert(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).isoformat())
    assert partitions("van") == {day}


def test_equal_keys_are_refused_within_a_day() -> None:
    ensure_table(model())
    ensure_partitions("van", [DAY])
    insert("2025-10-09T12:00:00Z", seq=1)
    insert("2025-10-09T12:00:00Z", seq=2)
    with pytest.raises(IntegrityError, match="unique"), transaction.atomic():
        insert("2025-10-09T12:00:00Z", seq=1)


def test_a_table_that_somebody_attached_under_another_name_is_left_out() -> None:
    ensure_table(model())
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE telemetry.old PARTITION OF telemetry.van FOR VALUES FROM ('2001-01-01') TO ('2002-01-01')"
        )
    assert partitions("van") == set()


@pytest.mark.usefixtures("transactional_db")
def test_several_at_once_make_one_table_and_one_partition_a_day() -> None:
    spec, days = model(("speed", "number")), [DAY, date(2025, 10, 10)]

    def make() -> None:
        ensure_table(spec)
        ensure_partitions("van", days)

    assert in_threads(3, make) == []
    assert partitions("van") == set(days)


def test_a_schema_change_waits_for_a_reader_in_short_steps_and_writers_go_on(other: psycopg.Connection[Any]) -> None:
    ensure_table(model(("speed", "number")))
    ensure_partitions("van", [DAY])
    other.execute("SELECT * FROM telemetry.van")  # and holds its lock until it commits
    changing = threading.Thread(target=in_threads, args=(1, lambda: ensure_table(model(("driver", "text")))))
    changing.start()
    try:
        deadline = time.monotonic() + 1.5  # thrice the time-out: the change is now in front of us, then it is not
        waits = []
        for seq in range(100):
            start = time.monotonic()
            insert("2025-10-09T12:00:00Z", seq=seq)
            waits.append(time.monotonic() - start)
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        assert "driver" not in columns("van")
        assert len(waits) > 3
        assert max(waits) < 1.4
    finally:
        other.commit()
        changing.join()
    assert "driver" in columns("van")


def test_a_new_day_neither_waits_for_readers_and_writers_nor_stops_them(other: psycopg.Connection[Any]) -> None:
    ensure_table(model())
    ensure_partitions("van", [DAY])
    other.execute(
        "INSERT INTO telemetry.van (ts, received_at, device_id, version) VALUES ('2025-10-09T01:00:00Z', now(), 1, 1)"
    )
    ensure_partitions("van", [date(2025, 10, 10)])
    other.execute("SELECT * FROM telemetry.van")
    other.commit()
    assert len(partitions("van")) == 2


def test_a_lock_that_never_comes_free_is_an_error_and_leaves_nothing_behind(
    other: psycopg.Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LOCK_TRIES", 2)
    monkeypatch.setattr(tables, "LOCK_TIMEOUT", "50ms")
    ensure_table(model(("speed", "number")))
    other.execute("SELECT * FROM telemetry.van")
    with pytest.raises(OperationalError, match="lock timeout"):
        ensure_table(model(("driver", "text")))
    other.commit()
    assert "driver" not in columns("van")
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)
