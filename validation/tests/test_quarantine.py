"""Quarantine says what is in it, keeps within its bounds, and counts what it lets go of."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from psycopg.sql import SQL

from validation.models import DataModel, Quarantined, QuarantineLoss
from validation.moments import moment
from validation.quarantine import Selection, decoded, discard, enforce_limits, groups, leaving, records, select
from validation.tests.conftest import Worker
from validation.tests.replaying import TOPIC, reading

OTHER, BOAT = "vehicles/vehicle_02/telemetry", "boats/boat_01/telemetry"
NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def kept(worker: Worker) -> Worker:
    """A worker that has refused two speeds and no JSON of one vehicle, a speed of another, and two boats."""
    worker.receive((TOPIC, reading(1, speed=999)), (TOPIC, reading(2, speed=998)), (TOPIC, b"no json"))
    worker.receive((OTHER, reading(1, speed=999)), (BOAT, {"depth": 1}), (BOAT, {"depth": 2}))
    worker.work()
    return worker


def put(number: int, *, device: str = "", topic: str = "t", at: datetime = NOW, payload: bytes = b"{}") -> None:
    """Put records into quarantine, as a worker might have, and into no books."""
    Quarantined.objects.bulk_create(
        Quarantined(
            received_at=at,
            topic=topic,
            payload=payload,
            device=device,
            minute=int(at.timestamp() // 60),
            reasons=[{"code": "x", "path": "", "detail": "d"}],
            code="x",
            buffer="b",
            entry="1-0",
            position=0,
        )
        for _ in range(number)
    )


def losses() -> dict[tuple[date, str], int]:
    return {(day, cause): count for day, cause, count in QuarantineLoss.objects.values_list("day", "cause", "count")}


def left(**which: Any) -> int:
    return Quarantined.objects.filter(**which).count()


# --- What is in it ----------------------------------------------------------------------------------------------------


def test_records_are_grouped_by_what_they_have_in_common(kept: Worker) -> None:
    found = {(g.model, g.code, g.place): g for g in groups(Selection(), ("model", "code", "place"))}
    assert {key: group.count for key, group in found.items()} == {
        ("vehicle", "maximum", "/speed"): 3,
        ("vehicle", "not_json", ""): 1,
        ("", "unknown_topic", ""): 2,
    }
    largest = found["vehicle", "maximum", "/speed"]
    assert (largest.device, largest.topic, sum(largest.trend), largest.trend[-1]) == (None, None, 3, 3)
    assert Quarantined.objects.get(pk=largest.sample_id).reasons[0]["detail"] == largest.detail
    assert largest.first <= largest.last
    by_device = groups(Selection(model="vehicle"), ("device", "topic"), limit=1)
    assert [(g.device, g.topic, g.count, g.model) for g in by_device] == [("vehicle_01", TOPIC, 3, None)]
    with pytest.raises(ValueError, match="not by nothing"):
        groups(Selection(), ())


def test_the_trend_counts_each_of_the_last_24_hours(worker: Worker) -> None:
    for hours, number in ((0, 1), (1, 2), (23, 3), (24, 4)):
        put(number, at=NOW - hours * HOUR)
    put(5, at=NOW + HOUR)
    [group] = groups(Selection(), ("code",), now=NOW)
    assert group.trend == [3, *[0] * 21, 2, 1]
    assert (group.count, group.first, group.last) == (15, NOW - 24 * HOUR, NOW + HOUR)


def test_all_conditions_of_a_selection_must_hold(kept: Worker) -> None:
    every = list(Quarantined.objects.order_by("pk"))
    later = every[-1].received_at
    for selection, number in (
        (Selection(), 6),
        (Selection(model="vehicle"), 4),
        (Selection(model=""), 2),
        (Selection(model="nobody"), 0),
        (Selection(code="maximum", place="/speed", device="vehicle_01"), 2),
        (Selection(topic=BOAT, ids=(every[0].pk, every[-1].pk)), 1),
        (Selection(since=later), 3),
        (Selection(until=later), 3),
    ):
        assert select(selection).count() == number, selection
    page = records(Selection(), limit=4)
    assert [row.pk for row in page] == [row.pk for row in reversed(every)][:4]
    assert records(Selection(), before=page[-1].pk) == [every[1], every[0]]
    assert decoded(page[0]) == {"depth": 2}
    assert decoded(Quarantined.objects.get(code="not_json")) is None


# --- What leaves it ---------------------------------------------------------------------------------------------------


def test_what_a_person_discards_is_counted_and_the_books_say_so(kept: Worker) -> None:
    assert discard(Selection(code="maximum"), by="eva") == 3
    assert left() == 3
    [loss] = QuarantineLoss.objects.all()
    assert (loss.model, loss.cause, loss.count) == (DataModel.objects.get(name="vehicle"), "discarded", 3)
    books = kept.audit()
    assert (books.total.quarantined, books.expired, books.balanced) == (6, 3, True)


def test_what_is_too_old_falls_out(worker: Worker) -> None:
    old = NOW - timedelta(days=settings.QUARANTINE_DAYS)
    put(3, at=old - HOUR)
    put(2, at=old)
    assert enforce_limits(NOW) == 3
    assert losses() == {((old - HOUR).date(), "age"): 3}
    assert enforce_limits(NOW) == 0


def test_of_a_device_the_oldest_fall_out_and_nobody_else_loses_any(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "QUARANTINE_PER_DEVICE", 4)
    monkeypatch.setattr(leaving, "AT_ONCE", 2)
    put(5, device="bad", at=NOW - HOUR)
    put(2, device="bad")
    put(4, device="good", at=NOW - 5 * HOUR)
    put(6, topic="loud")
    put(3, topic="quiet")
    assert enforce_limits(NOW) == 5
    assert (left(device="bad", received_at=NOW), left(device="bad"), left(device="good")) == (2, 4, 4)
    assert (left(topic="loud"), left(topic="quiet")) == (4, 3)
    assert losses() == {(NOW.date(), "device"): 5}


def test_when_quarantine_is_full_a_device_keeps_a_tenth_and_then_the_oldest_of_all_fall_out(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "QUARANTINE_MB", 1)
    noise = bytes(range(256)) * 4  # a kilobyte, which PostgreSQL stores as it is
    put(300, device="bad", payload=noise)
    for number in range(12):
        put(75, device=f"device_{number}", payload=noise, at=NOW - number * HOUR)
    gone = enforce_limits(NOW)
    assert sum(losses().values()) == gone
    assert 1_024 * 1_024 * 0.99 < used() <= 1_024 * 1_024
    assert used(device="bad") <= 104_900
    assert (left(device="device_11"), left(device="device_8"), left(device="device_0")) == (0, 75, 75)
    assert enforce_limits(NOW) == 0


def used(**which: Any) -> int:
    """Return what records take, as the bounds count it."""
    ids = list(Quarantined.objects.filter(**which).values_list("pk", flat=True))
    with connection.cursor() as cursor:
        query = SQL("SELECT coalesce(sum({}), 0)::bigint FROM validation_quarantined WHERE id = ANY(%s)")
        cursor.execute(query.format(leaving.SIZE), [ids])
        return int(cursor.fetchone()[0])


def test_what_a_replay_holds_is_let_go_of_another_time(worker: Worker) -> None:
    put(2, at=moment(0))
    first = Quarantined.objects.order_by("pk")[0]
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT 1 FROM validation_quarantined WHERE id = %s FOR UPDATE", [first.pk])
            assert enforce_limits() == 1
            cursor.execute("ROLLBACK")
    finally:
        other.close()
    assert enforce_limits() == 1


def test_control_a_record_that_disappears_is_noticed(kept: Worker) -> None:
    Quarantined.objects.filter(code="maximum").delete()
    assert "3 quarantined readings are neither" in kept.audit().complaints[0]


def test_control_a_loss_that_is_counted_twice_is_noticed(kept: Worker) -> None:
    discard(Selection(code="maximum"), by="eva")
    QuarantineLoss.objects.update(count=4)
    assert "1 readings more than the books know" in kept.audit().complaints[0]


# --- Bytes ------------------------------------------------------------------------------------------------------------


def test_of_an_array_only_the_reading_that_a_table_refuses_is_kept(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE telemetry.vehicle ADD CONSTRAINT slow CHECK (speed < 100)")
    bad = b'{"timestamp": %f , "speed":200.5}' % time.time()
    worker.receive((TOPIC, b'[{"timestamp":%f,"speed":1.5}, %s]' % (time.time(), bad)))
    worker.work()
    [record] = Quarantined.objects.all()
    assert (record.code, bytes(record.payload)) == ("refused_by_table", bad)
    assert worker.audit().balanced


def test_reasons_that_quote_what_cannot_be_stored_are_kept_readably(worker: Worker) -> None:
    worker.receive((TOPIC, {"timestamp": "\0", "speed": 1}), (b"vehicles/a\0b/telemetry", b'"\\ud800"'))
    worker.work()
    assert worker.reasons() == [["nul_character"], ["bad_topic"]]
    assert worker.audit().balanced
