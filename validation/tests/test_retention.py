"""Retention: what goes, what stays because rollups need it, and what people are told beforehand."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db import connection

from validation.models import DataModel, Expired, RollupMark
from validation.publishing import publish
from validation.retention import removing
from validation.retention.outlook import outlook
from validation.retention.removing import expire
from validation.rollups import marks
from validation.rollups.levels import LEVELS, period
from validation.rollups.running import Roller
from validation.rollups.tables import columns, parts
from validation.selectors import model_specs
from validation.tables import partitions
from validation.tests.conftest import Worker
from validation.tests.stored import instant, publish_model, store
from validation.upkeep import make_ahead

pytestmark = pytest.mark.django_db
NOON = datetime(2025, 10, 9, 12, tzinfo=UTC)
AGES = (0, 4, 5, 6, 10, 11, 19, 20, 30, 39)  # days: of each there is one reading


def keep(name: str = "van", **days: int) -> None:
    DataModel.objects.filter(name=name).update(**days)
    publish(DataModel.objects.get(name=name))


def settle() -> None:
    while Roller().run(10, patient=False):
        pass


def sums(level: str, model: str = "van") -> list[tuple[datetime, int]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT bucket, readings FROM rollup.{model}_{level} ORDER BY bucket")
        return list(cursor.fetchall())


@pytest.fixture
def ten_days() -> None:
    """A reading at noon of ten days, the last one on the ninth of October."""
    spec = publish_model()
    store(spec, "van_1", [((NOON - timedelta(days=days)).timestamp(), {"speed": days}) for days in AGES])
    settle()


@pytest.mark.usefixtures("ten_days")
def test_each_level_goes_when_its_own_time_is_over() -> None:
    keep(retention_days=5, rollup_1m_days=10, rollup_1h_days=20)
    assert expire(NOON) == 7
    assert [min(parts("van", level)) for level in ("raw", "1m")] == [
        (NOON - timedelta(days=days)).date() for days in (5, 10)
    ]
    # Hours go by the month: that of the day which is twenty days old is still needed for its later days.
    assert min(parts("van", "1h")) == datetime(2025, 9, 1, tzinfo=UTC).date()
    assert sum(readings for _, readings in sums("1d")) == 10
    removed = Expired.objects.filter(level="1m")
    assert (removed.count(), sum(row.rows for row in removed)) == (5, 5)
    assert all(row.bytes > 0 for row in removed)


@pytest.mark.usefixtures("ten_days")
def test_nothing_goes_that_a_rollup_still_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    keep(retention_days=5, rollup_1m_days=5)
    monkeypatch.setattr(removing, "SETTLE_S", 0)
    monkeypatch.setattr(Roller, "_advance", lambda _: False)
    marks.mark("van", None, NOON - timedelta(days=20), NOON - timedelta(days=19))
    assert expire(NOON) == 5  # but for the two days that are marked
    assert {(NOON - timedelta(days=days)).date() for days in (19, 20)} < set(parts("van", "1m"))
    [raw, minutes, *_] = outlook(NOON)[0].levels
    assert raw.next is not None
    assert (raw.next.waits_for_rollups, raw.overdue, minutes.overdue) == (True, 2, 2)
    monkeypatch.undo()
    assert expire(NOON) == 2
    assert outlook(NOON)[0].levels[0].overdue == 0


@pytest.mark.usefixtures("ten_days")
def test_a_late_reading_whose_minutes_are_gone_is_right_in_its_hour_and_day() -> None:
    keep(rollup_1m_days=5)
    expire(NOON)
    spec, late = model_specs()["van"], NOON - timedelta(days=20, minutes=-1)
    device = store(spec, "van_1", [(late.timestamp(), {"speed": 1.0})])
    marks.mark("van", [device.pk], late, late + timedelta(seconds=1))
    settle()
    assert dict(sums("1h"))[late.replace(minute=0)] == 2
    assert dict(sums("1d"))[late.replace(hour=0, minute=0)] == 2
    assert period("1m", late.date()) not in parts("van", "1m")


@pytest.mark.usefixtures("ten_days")
def test_a_mark_of_a_day_whose_readings_are_gone_leaves_its_rollups_as_they_are() -> None:
    keep(retention_days=5)
    expire(NOON)
    before = {level: sums(level) for level in LEVELS}
    marks.mark("van", None, NOON - timedelta(days=30), NOON)
    settle()
    assert {level: sums(level) for level in LEVELS} == before
    assert not RollupMark.objects.exists()


@pytest.mark.usefixtures("ten_days")
def test_readings_of_a_removed_day_that_come_once_it_is_kept_again_take_nothing_away() -> None:
    keep(retention_days=5)
    expire(NOON)
    spec, late = model_specs()["van"], NOON - timedelta(days=20)
    device = store(spec, "van_1", [((late + timedelta(hours=hours)).timestamp(), {"speed": 9}) for hours in (0, 1)])
    marks.mark("van", [device.pk], late, late + timedelta(hours=2))
    settle()
    found = dict(sums("1m"))
    assert (found[late], found[late + timedelta(hours=1)]) == (1, 1)
    assert dict(sums("1d"))[late.replace(hour=0)] == 2


@pytest.mark.usefixtures("ten_days")
def test_people_are_told_what_goes_next_when_and_what_it_frees(capsys: pytest.CaptureFixture[str]) -> None:
    keep(retention_days=60, rollup_1h_days=60)
    [kept] = outlook(NOON)
    raw, minutes, hours, days = kept.levels
    assert (raw.partitions, minutes.next, days.next, raw.overdue) == (10, None, None, 0)
    assert raw.next is not None
    assert hours.next is not None
    first = (NOON - timedelta(days=39)).date()
    assert (raw.next.first, raw.next.at) == (first, datetime(2025, 10, 31, tzinfo=UTC))
    assert (hours.next.first, str(hours.next.last)) == (first.replace(day=1), "2025-08-31")
    assert 0 < raw.next.bytes < raw.bytes < kept.bytes
    call_command("retention", "--json")
    [told] = json.loads(capsys.readouterr().out)
    assert told["levels"][0]["next"]["bytes"] == raw.next.bytes
    call_command("retention")
    assert "60 d" in capsys.readouterr().out


def test_books_balance_when_readings_and_rollups_are_gone(worker: Worker) -> None:
    now = datetime.now(UTC)
    for days in (0, 1, 2, 3):
        worker.receive(("vehicles/v/telemetry", {"timestamp": now.timestamp() - days * 86_400, "speed": days}))
    worker.work()
    keep("vehicle", retention_days=1, rollup_1m_days=1)
    assert expire(now) == 2
    assert worker.audit().balanced
    assert sum(readings for _, readings in sums("1h", "vehicle")) >= 2


def test_coming_days_are_made_ahead_where_readings_come_in() -> None:
    spec, now = publish_model(), datetime.now(UTC)
    publish_model("silent")
    store(spec, "van_1", [(now.timestamp(), {"speed": 1})])
    Roller()._prepare_models()
    make_ahead(now)
    coming = {instant(now.timestamp() + days * 86_400).date() for days in range(3)}
    assert partitions("van") == coming == set(parts("van", "1m"))
    assert partitions("silent") == set()
    assert columns("silent", "1m")
