"""The newest values: the same whatever the order of arrival and however many workers, and how intervals are learned."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.devices import Registry
from validation.columns import Columns, columns_of
from validation.drafting import save
from validation.latest import learned, measured, update_latest
from validation.models import DataModel, Latest
from validation.newest import in_turn, newest, stored_devices
from validation.pipeline import Rows
from validation.publishing import publish
from validation.samples import SENSOR, VEHICLE
from validation.schema import CompiledModel, compile_model
from validation.spec import FieldSpec, ModelSpec

MODELS = {spec.name: compile_model(spec, 1) for spec in (VEHICLE, SENSOR)}
BASE = 1_760_000_000  # 2025-10-09
IDS = {"vehicle_01": 7, "vehicle_02": 9} | {f"vehicle_{number:02d}": 10 + number for number in range(3, 8)}


@dataclass(frozen=True)
class Reading:
    """A reading of a vehicle, its times in seconds after BASE."""

    ts: float
    speed: float = 0
    seq: int = 0
    device: str = "vehicle_01"
    received: float = 0


def rows_of(readings: Sequence[Reading]) -> Rows:
    rows = Rows(MODELS["vehicle"])
    for place, item in enumerate(readings):
        payload = {"timestamp": BASE + item.ts, "speed": item.speed, "seq": item.seq}
        rows.add(decoded(rows.model, payload), item.device, micros(item.ts), BASE + item.received, 0, place)
    return rows


def decoded(model: CompiledModel, payload: dict[str, Any]) -> Any:
    reading, faults = model.read(payload)
    assert not faults
    return reading


def micros(ts: float) -> int:
    return round((BASE + ts) * 1_000_000)


def chunk(*readings: Reading) -> Columns:
    """Return readings as a chunk without a database."""
    return columns_of(rows_of(readings), IDS)


@dataclass
class Table:
    """The newest values in PostgreSQL."""

    model: DataModel

    def take(self, *readings: Reading) -> None:
        """Take a chunk in, in a transaction of its own."""
        columns = columns_of(rows_of(readings), Registry().ids({item.device for item in readings}, register=True))
        with transaction.atomic():
            update_latest([(columns, self.model.pk)])

    def says(self) -> dict[str, tuple[float, int, float]]:
        """Return the event time, sequence and speed of each device's newest reading."""
        found = Latest.objects.select_related("device")
        return {row.device.name: (row.ts.timestamp() - BASE, row.seq, row.values["speed"]) for row in found}

    def interval(self) -> float | None:
        return Latest.objects.get().interval_s


@pytest.fixture
def table(db: None) -> Table:
    model = save(VEHICLE)
    publish(model)
    return Table(model)


READINGS = tuple(
    Reading(ts, speed, seq, device, received=10 * number)
    for number, (device, ts, seq, speed) in enumerate(
        [
            ("vehicle_01", 1, 0, 10),
            ("vehicle_01", 2, 0, 20),
            ("vehicle_01", 2, 5, 25),
            ("vehicle_01", 2, 3, 23),
            ("vehicle_02", 5, 0, 50),
            ("vehicle_02", 4, 9, 40),
        ]
    )
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(READINGS), cuts=st.sets(st.integers(1, len(READINGS) - 1)))
def test_the_newest_reading_is_the_same_in_whatever_order_and_chunks_they_arrive(
    table: Table, order: list[Reading], cuts: set[int]
) -> None:
    Latest.objects.all().delete()
    places = [0, *sorted(cuts), len(order)]
    for start, end in pairwise(places):
        table.take(*order[start:end])
    assert table.says() == {"vehicle_01": (2, 5, 25), "vehicle_02": (5, 0, 50)}
    seen = {row.device.name: row.last_seen_at.timestamp() - BASE for row in Latest.objects.select_related("device")}
    assert seen == {"vehicle_01": 30, "vehicle_02": 50}


def test_workers_that_run_at_once_leave_the_newest_reading_of_all(transactional_db: None, table: Table) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(4)

    def work(worker: int) -> None:
        try:
            barrier.wait()
            for number in range(25):
                ts = 4 * number + worker
                devices = ("vehicle_01", "vehicle_02") if worker % 2 else ("vehicle_02", "vehicle_01")
                table.take(*[Reading(ts, speed=ts, device=device) for device in devices])
        except BaseException as error:  # noqa: BLE001  (the main thread looks at it)
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert table.says() == {"vehicle_01": (99, 0, 99), "vehicle_02": (99, 0, 99)}


def test_a_worker_that_waited_for_another_does_not_put_an_older_reading_back(
    transactional_db: None, table: Table
) -> None:
    table.take(Reading(0))

    def take_the_older_one() -> None:
        table.take(Reading(5, speed=5))
        connections.close_all()

    late = threading.Thread(target=take_the_older_one)
    with transaction.atomic():
        table.take(Reading(10, speed=10))
        late.start()
        wait_until_somebody_waits_for_a_lock()
    late.join()
    assert table.says() == {"vehicle_01": (10, 0, 10)}


def wait_until_somebody_waits_for_a_lock() -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            # Its own view of other sessions would otherwise stay that of the transaction's first look.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if cursor.fetchone() != (0,):
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


def test_no_row_is_seen_before_its_first_reading_is_in_it(transactional_db: None, table: Table) -> None:
    with transaction.atomic():
        table.take(Reading(1))
        with connections.create_connection("default").cursor() as other:
            other.execute("SELECT count(*) FROM validation_latest")
            assert other.fetchone() == (0,)


# --- How often a device sends -------------------------------------------------------------------------------------


def test_the_interval_of_a_device_that_sends_regularly_is_learned_exactly(table: Table) -> None:
    table.take(Reading(0))
    assert table.interval() is None, "one reading says nothing"
    for number in range(1, 20):
        table.take(Reading(2 * number))
    assert table.interval() == 2


def test_readings_that_come_many_at_once_teach_the_same_as_one_by_one(table: Table) -> None:
    for start in range(0, 60, 20):
        table.take(*[Reading(0.5 * number) for number in range(start, start + 20)])
        assert table.interval() == 0.5


def test_after_an_outage_the_interval_is_soon_what_it_was(table: Table) -> None:
    for number in range(20):
        table.take(Reading(number))
    table.take(Reading(3_600))
    assert table.interval() == pytest.approx(1.2)
    for number in range(1, 11):
        table.take(Reading(3_600 + number))
    assert table.interval() == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize(("before", "after"), [(1, 10), (10, 1), (0.1, 60), (60, 0.2)])
def test_another_rate_is_learned_within_some_fifty_readings(before: float, after: float) -> None:
    known = before
    for _ in range(80):
        known = learned(known, after) or 0
    assert known == pytest.approx(after, rel=0.05)


def test_one_step_never_more_than_halves_or_doubles_what_counts_of_it() -> None:
    assert learned(None, None) is None
    assert learned(None, 5) == 5
    assert learned(5, None) == 5
    assert learned(10, 1e9) == 12
    assert learned(10, 0) == 9


def test_late_and_repeated_readings_teach_nothing(table: Table) -> None:
    for number in range(10):
        table.take(Reading(10 * number))
    table.take(*[Reading(10 * number) for number in range(10)])
    table.take(Reading(5))
    assert table.interval() == 10
    # A device that sends its last ten readings every time: one of them is new.
    table.take(*[Reading(10 * number) for number in range(1, 11)])
    assert table.interval() == 10


def test_readings_of_one_moment_are_one_step(table: Table) -> None:
    for number in range(5):
        table.take(*[Reading(10 * number, seq=seq) for seq in range(3)])
    assert table.interval() == 10


def test_workers_that_drain_three_buffers_at_once_learn_an_interval_near_the_true_one(table: Table) -> None:
    # Batches go round the ring, so three chunks that overlap hold every third reading each.
    for start in range(0, 480, 48):
        for buffer in range(3):
            table.take(*[Reading(number) for number in range(start + buffer, start + 48, 3)])
    assert 0.8 <= (table.interval() or 0) <= 3


def test_the_first_chunk_is_measured_from_its_first_moment() -> None:
    columns = chunk(Reading(0), Reading(3), Reading(4))
    (item,) = newest(columns)
    assert measured(columns, item, None) == 2
    assert measured(columns, item, micros(3)) == 1
    assert measured(columns, item, micros(4)) is None
    (alone,) = newest(chunk(Reading(0)))
    assert measured(chunk(Reading(0)), alone, None) is None


# --- What the pages are told --------------------------------------------------------------------------------------


def test_the_points_of_a_device_are_thinned_to_twenty_a_second_and_keep_the_last_of_each() -> None:
    readings = [Reading(number / 1_000, speed=number % 250) for number in range(2_000)]
    device = stored_devices(chunk(*readings))["vehicle_01"]
    points = device["points"]["speed"]
    assert len(points) == 40
    assert points[0] == (BASE + 0.049, 49)
    assert points[-1] == (BASE + 1.999, 1_999 % 250)
    assert device["ts"] == BASE + 1.999
    assert device["values"] == {"speed": 1_999 % 250}


def test_slow_readings_are_not_thinned_and_each_device_has_its_own() -> None:
    told = stored_devices(chunk(Reading(0, 1), Reading(1, 2), Reading(0.5, 3, device="vehicle_02")))
    assert told["vehicle_01"]["points"] == {"speed": [(BASE, 1), (BASE + 1, 2)]}
    assert told["vehicle_02"]["points"] == {"speed": [(BASE + 0.5, 3)]}


def test_a_field_that_comes_in_a_message_of_its_own_is_not_lost_by_thinning() -> None:
    rows = Rows(MODELS["sensor"])
    for number in range(100):
        field = ("temperature", "humidity")[number % 2]
        reading = decoded(rows.model, {"timestamp": BASE, "device_id": "vehicle_01", field: number})
        rows.add(reading, "vehicle_01", micros(number / 100), BASE, 0, number)
    points = stored_devices(columns_of(rows, IDS))["vehicle_01"]["points"]
    assert {field: len(run) for field, run in points.items()} == {"temperature": 20, "humidity": 20}
    assert points["temperature"][0] == (BASE + 0.04, 4)
    assert points["humidity"][-1] == (BASE + 0.99, 99)


def test_when_a_device_was_heard_of_is_its_last_arrival_and_not_that_of_its_newest_reading() -> None:
    device = stored_devices(chunk(Reading(9, received=10), Reading(3, received=12)))["vehicle_01"]
    assert (device["ts"], device["received_at"]) == (BASE + 9, BASE + 12)


def test_of_more_devices_than_there_is_room_for_each_has_its_turn() -> None:
    columns = chunk(*(Reading(number, device=f"vehicle_{number:02d}") for number in range(1, 8)))
    items, seen, after = list(newest(columns)), [], 0
    assert in_turn(items, 7, after) is items
    for _ in range(7):
        chosen = in_turn(items, 3, after)
        assert len(chosen) == 3
        seen += [item.device_id for item in chosen]
        after = chosen[-1].device_id
    ids = [item.device_id for item in items]
    assert seen == ids * 3
    assert set(stored_devices(columns, items[:2])) == {"vehicle_01", "vehicle_02"}


def test_a_point_is_told_as_latitude_and_longitude_and_has_no_run_of_points() -> None:
    spec = ModelSpec(
        name="van",
        topic_filter="vans/+",
        fields=(FieldSpec(name="gps", kind="point"), FieldSpec(name="seen", kind="timestamp", unit="ms")),
    )
    rows = Rows(compile_model(spec, 1))
    payload = {"timestamp": BASE, "gps": {"lat": 52.5, "lon": -0.125}, "seen": BASE * 1000 + 500}
    rows.add(decoded(rows.model, payload), "vehicle_01", micros(0), BASE, 0, 0)
    device = stored_devices(columns_of(rows, IDS))["vehicle_01"]
    assert device["values"] == {"gps": {"lat": 52.5, "lon": -0.125}, "seen": BASE + 0.5}
    assert device["points"] == {}


def test_no_columns_hold_no_newest_reading() -> None:
    columns = chunk()
    assert list(newest(columns)) == []
    assert stored_devices(columns) == {}
