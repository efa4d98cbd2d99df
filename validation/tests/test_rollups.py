"""Rollups as their readers see them: up to now, with the words of a field's kind, and filled from what was there."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction

from validation.models import DataModel, Field, RollupMark, RollupSpan
from validation.publishing import publish
from validation.rollups import marks
from validation.rollups.folding import Buckets
from validation.rollups.levels import LEVELS, Level, pairs_of
from validation.rollups.read import read
from validation.rollups.running import Roller
from validation.selectors import model_specs
from validation.tests.conftest import Worker
from validation.tests.stored import instant, publish_model, store

pytestmark = pytest.mark.django_db

TOPIC = "vehicles/vehicle_01/telemetry"
LONG_AGO = datetime(2025, 10, 9, 23, 30, tzinfo=UTC).timestamp()


def settle() -> None:
    while Roller().run(10, patient=False):
        pass


def seen(level: Level, *fields: str, hours: float = 48, model: str = "vehicle", end: datetime | None = None) -> Buckets:
    spec = model_specs()[model]
    asked = [field for field in spec.fields if field.name in fields]
    until = end or datetime.now(UTC) + timedelta(seconds=1)
    return read(spec, level, None, asked, until - timedelta(hours=hours), until)


def old(level: Level, *fields: str, model: str = "van") -> Buckets:
    return seen(level, *fields, model=model, hours=4, end=instant(LONG_AGO + 7_200))


def test_what_comes_in_is_rolled_up_and_what_came_just_now_is_computed_for_the_reader(worker: Worker) -> None:
    now = time.time()
    worker.receive(*((TOPIC, {"timestamp": now - 600 + n * 10, "speed": n, "seq": n}) for n in range(61)))
    worker.work()
    before = {level: seen(level, "speed") for level in LEVELS}
    settle()
    for level in LEVELS:
        after = seen(level, "speed")
        assert after.recomputing == before[level].recomputing == 0
        assert after.readings.sum() == before[level].readings.sum() == 61
        np.testing.assert_array_equal(after.numbers["speed"].sum, before[level].numbers["speed"].sum)
        assert (after.numbers["speed"].first[0], after.numbers["speed"].last[-1]) == (0, 60)
    # The minute that runs is not rolled up, and its marks wait for its end.
    assert set(RollupMark.objects.values_list("level", flat=True)) >= {0}


def test_a_late_reading_is_seen_at_once_or_said_to_be_on_its_way(worker: Worker) -> None:
    now = time.time()
    for age in (300, 7_200):
        worker.receive((TOPIC, {"timestamp": now - age, "speed": 10}))
    worker.work()
    settle()
    worker.receive((TOPIC, {"timestamp": now - 300, "speed": 30, "seq": 1}))
    worker.receive((TOPIC, {"timestamp": now - 7_200, "speed": 30, "seq": 1}))
    worker.work()
    waiting = seen("1m", "speed")
    assert waiting.numbers["speed"].max.tolist() == [10, 30]
    assert waiting.recomputing == 1
    settle()
    assert seen("1m", "speed").numbers["speed"].max.tolist() == [30, 30]
    assert seen("1m", "speed").recomputing == 0


def test_each_kind_has_the_parts_that_mean_something() -> None:
    spec = publish_model()
    given: list[dict[str, Any]] = [
        {"speed": 1.5, "gear": 3, "braking": True, "driver": "Ada", "serviced_at": instant(LONG_AGO)},
        {"speed": 2.5, "braking": False, "driver": "Ada"},
        {"speed": 0.5, "gear": 1, "braking": False},
    ]
    store(spec, "van_1", [(LONG_AGO + place, values) for place, values in enumerate(given)])
    settle()
    for level in LEVELS:
        found = old(level, *(field.name for field in spec.fields))
        speed, gear = found.numbers["speed"], found.numbers["gear"]
        assert (speed.count[0], speed.sum[0], speed.min[0], speed.max[0]) == (3, 4.5, 0.5, 2.5)
        assert (speed.first[0], speed.last[0]) == (1.5, 0.5)
        assert (gear.count[0], gear.first[0], gear.last[0]) == (2, 3, 1)
        assert found.values == {"braking": [{"true": 1, "false": 2}], "driver": [{"Ada": 2}]}
        assert found.counts["serviced_at"].tolist() == [1]


def test_a_sum_beyond_a_double_stays_at_the_largest_one_and_spoils_no_other_bucket() -> None:
    spec = publish_model()
    store(spec, "van_1", [(LONG_AGO + place, {"speed": 1.7e308}) for place in range(3)])
    store(spec, "van_2", [(LONG_AGO, {"speed": 5.0})])
    settle()
    for level in LEVELS:
        assert old(level, "speed").numbers["speed"].sum.tolist() == [pytest.approx(1.7976931348623157e308), 5]


def test_of_many_different_texts_the_most_frequent_are_told_apart() -> None:
    spec = publish_model()
    store(spec, "van_1", [(LONG_AGO + n / 10, {"driver": f"d{n}"}) for n in range(150)])
    store(spec, "van_1", [(LONG_AGO + 30, {"driver": "d149"})])
    settle()
    for level in LEVELS:
        [values] = old(level, "driver").values["driver"]
        assert values is not None
        assert (len(values), values["d149"], values["…"], sum(values.values())) == (101, 2, 50, 151)


def test_what_was_stored_before_there_were_rollups_is_rolled_up_and_says_how_far_it_is() -> None:
    spec = publish_model()
    store(spec, "van_1", [(LONG_AGO + 1_800 * n, {"speed": n}) for n in range(100)])
    roller = Roller()
    roller._prepare_models()
    [span] = RollupSpan.objects.all()
    assert old("1h", "speed").recomputing > 0
    assert roller._advance()
    span.refresh_from_db()
    assert span.start < span.end < span.began
    settle()
    assert not RollupSpan.objects.exists()
    assert old("1h", "speed").recomputing == 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(readings), count(*) FROM rollup.van_1d")
        assert cursor.fetchone() == (100, 4)


def test_a_field_that_becomes_a_number_or_is_new_is_rolled_up_from_then_on() -> None:
    spec = publish_model(fields=({"name": "rpm", "kind": "integer"},))
    store(spec, "van_1", [(LONG_AGO, {"rpm": 3})])
    settle()
    spec = publish_model(fields=({"name": "rpm"}, {"name": "x" * 63}))
    store(spec, "van_1", [(LONG_AGO + 1, {"rpm": 4.5, "x" * 63: 1.0})], seq=1)
    with transaction.atomic():
        marks.mark("van", None, instant(LONG_AGO), instant(LONG_AGO + 60))
    settle()
    found = old("1d", "rpm", "x" * 63)
    assert (found.numbers["rpm"].sum.tolist(), found.numbers["x" * 63].sum.tolist()) == ([7.5], [1])


def test_a_model_of_more_numbers_than_a_row_has_room_for_has_rollups_of_the_first_ones() -> None:
    spec = publish_model(fields=tuple({"name": f"n{number}"} for number in range(200)))
    store(spec, "van_1", [(LONG_AGO, {f"n{number}": number for number in range(200)})])
    settle()
    found = old("1m", "n155", "n156")
    assert (found.numbers["n155"].sum.tolist(), found.numbers["n156"].count.tolist()) == ([155], [0])


@pytest.mark.usefixtures("transactional_db")
def test_a_task_that_dies_between_computing_and_letting_go_of_marks_has_done_nothing(monkeypatch: Any) -> None:
    spec = publish_model()
    store(spec, "van_1", [(LONG_AGO, {"speed": 1.0})])
    roller = Roller()
    roller._prepare_models()
    assert roller._advance()
    waiting = list(RollupMark.objects.values_list("pk", flat=True))

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("validation.rollups.marks.add", die)
        with pytest.raises(KeyboardInterrupt):
            roller._advance()
    assert list(RollupMark.objects.values_list("pk", flat=True)) == waiting
    settle()
    assert old("1d", "speed").readings.tolist() == [1]


@pytest.mark.usefixtures("transactional_db")
def test_tasks_at_once_while_workers_store_come_to_the_same() -> None:
    spec = publish_model()
    model = DataModel.objects.get(name="van")
    device = store(spec, "van_1", [(LONG_AGO, {"speed": 0.0})])
    Roller()._prepare_models()
    raised: list[BaseException] = []

    def work(writer: int) -> None:
        try:
            for place in range(30):
                with transaction.atomic(), connection.cursor() as cursor:
                    at = instant(LONG_AGO + place % 7 * 20)
                    cursor.execute(
                        "INSERT INTO telemetry.van (ts, received_at, seq, device_id, version, speed) "
                        "VALUES (%s, now(), %s, %s, 1, 1)",
                        [at, 100 * writer + place + 1, device.pk],
                    )
                    pair = pairs_of(np.array([device.pk], "i4"), np.array([int(at.timestamp() // 60)]))
                    marks.add(model.pk, "1m", pair)
        except BaseException as error:  # noqa: BLE001  (handed to the test)
            raised.append(error)
        finally:
            connection.close()

    def roll() -> None:
        try:
            for _ in range(20):
                Roller().run(0.05, patient=False)
        except BaseException as error:  # noqa: BLE001  (handed to the test)
            raised.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)] + [threading.Thread(target=roll)] * 1
    threads += [threading.Thread(target=roll)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle()
    assert raised == []
    assert old("1m", "speed").readings.sum() == old("1d", "speed").readings.sum() == 61


def test_publishing_a_new_field_leaves_older_rollups_as_they_are() -> None:
    spec = publish_model(fields=({"name": "rpm"},))
    store(spec, "van_1", [(LONG_AGO, {"rpm": 3.0})])
    settle()
    model = DataModel.objects.get(name="van")
    Field.objects.create(model=model, name="oil", position=9)
    publish(model)
    found = old("1h", "rpm", "oil")
    assert (found.numbers["rpm"].sum.tolist(), found.numbers["oil"].count.tolist()) == ([3], [0])
