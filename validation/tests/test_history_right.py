"""Series of buckets, however they are answered, are what readings come to in plain Python."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.models import Device
from validation.history import HistoryQuery, answer
from validation.history.edges import DAY, HOUR, SECOND, micros_of
from validation.history.question import By, Function
from validation.models import DataModel
from validation.publishing import publish
from validation.rollups import marks
from validation.rollups.running import Roller
from validation.tests.stored import instant, publish_model, store

pytestmark = pytest.mark.django_db

BEGIN = datetime(2025, 10, 24, 7, 41, tzinfo=UTC).timestamp()  # two days later clocks change in Europe
TAGS = {"van_1": ["north", "fast"], "van_2": ["north"], "van_3": [], "van_4": ["fast"]}
NAMES = ("speed", "gear", "braking", "driver", "serviced_at")
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata")
Reading = tuple[str, float, dict[str, Any]]


class Readings(list[Reading]):
    """Device, time and values; short where a failing test shows it."""

    def __repr__(self) -> str:
        return f"{len(self)} readings"


def settle() -> None:
    while Roller().run(10, patient=False):
        pass


@pytest.fixture(params=[1, 2])
def readings(request: pytest.FixtureRequest) -> Readings:
    """Readings of four days, of every kind, at any moments, with gaps; the last ones came after the first rollup."""
    chance = random.Random(request.param)
    spec = publish_model()
    found = Readings()
    for device, tags in TAGS.items():
        hours = sorted(chance.sample(range(96), 10))
        moments = sorted({round(BEGIN + 3_600 * hour + chance.random() * 300, 3) for hour in hours for _ in range(4)})
        mine = [(ts, values_of(chance)) for ts in moments]
        store(spec, device, mine[: len(mine) // 2])
        Device.objects.filter(name=device).update(tags=tags)
        found += [(device, ts, values) for ts, values in mine]
    settle()
    for device in TAGS:
        mine = [(ts, values) for name, ts, values in found if name == device]
        store(spec, device, mine[len(mine) // 2 :])
    marks.mark("van", None, instant(BEGIN), instant(BEGIN) + timedelta(days=5))
    settle()
    return found


def values_of(chance: random.Random) -> dict[str, Any]:
    """Return values whose sums have no rounding, some of them missing."""
    values = {
        "speed": chance.randrange(-800, 800) / 8,
        "gear": chance.randrange(-3, 9),
        "braking": chance.random() < 0.5,
        "driver": chance.choice(["Ada", "Zoë"]),
        "serviced_at": instant(0),
    }
    return {name: value for name, value in values.items() if chance.random() < 0.8}


@st.composite
def questions(draw: st.DrawFn) -> HistoryQuery:
    start = BEGIN + draw(st.integers(-86_400, 5 * 86_400))
    by: By = draw(st.sampled_from(["device", "tag", "all"]))
    functions: list[Function] = ["avg", "min", "max", "sum", "count"]
    return HistoryQuery(
        fields=tuple(f"van.{name}" for name in draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))),
        start=instant(start),
        end=instant(start + draw(st.integers(0, 6 * 86_400))),
        tags=draw(st.sampled_from([(), ("north",), ("north", "fast")])),
        bucket=timedelta(seconds=draw(st.sampled_from([60, 300, 5_400, 3_600, 7_200, 10_800, 86_400, 604_800]))),
        function=draw(st.sampled_from([*functions, "first", "last"] if by == "device" else functions)),
        by=by,
        zone=draw(st.sampled_from(ZONES)),
        points=5_000,
        silences=False,
    )


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(query=questions())
def test_series_out_of_rollups_are_those_of_the_readings(readings: Readings, query: HistoryQuery) -> None:
    found = answer(query, datetime.now(UTC))
    assert found.recomputing == 0
    shown = {
        (f"van.{line.field.name}", line.device or line.tag): [list(point) for point in line.points]
        for line in found.series
        if len(line.points)
    }
    assert {key: [plain(point) for point in points] for key, points in shown.items()} == expected(readings, query)


def plain(point: list[float]) -> list[float | None]:
    return [None if value != value else value for value in point]  # NaN alone is not equal to itself


def expected(readings: Readings, query: HistoryQuery) -> dict[tuple[str, str | None], list[list[float | None]]]:
    bucket = bucket_of(query)
    first, end = bucket(micros_of(query.start)), max(micros_of(query.end), micros_of(query.start) + 1)
    held: dict[tuple[str, str | None], dict[int, list[tuple[float, Any]]]] = {}
    for device, ts, values in readings:
        start = bucket(round(ts * SECOND))
        for name in {f"van.{name}" for name in values} & set(query.fields):
            if first <= start < end and (not query.tags or set(TAGS[device]) & set(query.tags)):
                for group in groups_of(device, query):
                    buckets = held.setdefault((name, group), {})
                    buckets.setdefault(start, []).append((ts, values[name.removeprefix("van.")]))
    return {
        key: [[start / SECOND, *come_to(found, query.function)] for start, found in sorted(buckets.items())]
        for key, buckets in held.items()
    }


def groups_of(device: str, query: HistoryQuery) -> list[str | None]:
    if query.by == "tag":
        return [tag for tag in TAGS[device] if not query.tags or tag in query.tags]
    return [device if query.by == "device" else None]


def come_to(found: list[tuple[float, Any]], function: Function) -> list[float | None]:
    values = [value for _, value in sorted(found, key=lambda pair: pair[0])]
    if function == "count" or not isinstance(values[0], int | float) or isinstance(values[0], bool):
        return [len(values), None, None, len(values)]
    made = {
        "avg": sum(values) / len(values),
        "sum": sum(values),
        "min": min(values),
        "max": max(values),
        "first": values[0],
        "last": values[-1],
    }
    return [made[function], min(values), max(values), len(values)]


def bucket_of(query: HistoryQuery) -> Callable[[int], int]:
    """Return what gives the beginning of the bucket that a moment lies in, both in microseconds."""
    assert isinstance(query.bucket, timedelta)
    step, place = query.bucket // timedelta(microseconds=1), ZoneInfo(query.zone)

    def of_days(micros: int) -> int:
        day = instant(micros / SECOND).astimezone(place).date()
        monday = day - timedelta(days=day.weekday() if step == 7 * DAY else 0)
        return micros_of(datetime.combine(monday, clock(), place).astimezone(UTC))

    def of_hours(micros: int) -> int:
        local = instant(micros / SECOND).astimezone(place)
        whole = clock(local.hour // (step // HOUR) * (step // HOUR))
        return micros_of(datetime.combine(local.date(), whole, place).astimezone(UTC))

    if step % DAY == 0:
        return of_days
    return of_hours if step in (2 * HOUR, 3 * HOUR) else lambda micros: micros // step * step


@time_machine.travel(time.time() // 60 * 60 - 30)
def test_a_chart_of_a_long_time_ends_with_what_came_just_now() -> None:
    spec, now = publish_model(), time.time()
    store(spec, "van_1", [(now - 86_400 * days, {"speed": float(days)}) for days in (3, 2, 1)])
    settle()
    # Nothing marks what the test stores, so it is to be of the minute that runs.
    store(spec, "van_1", [(now, {"speed": 9.0})])
    end = instant(now + 1)
    for length in (timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)):
        wanted = HistoryQuery(fields=("van.speed",), start=end - timedelta(days=4), end=end, bucket=length)
        found = answer(wanted, end)
        assert found.source == {60: "1m", 3_600: "1h", 86_400: "1d"}[int(length.total_seconds())]
        assert list(found.series[0].points[-1][1:]) == [9, 9, 9, 1]


def test_where_readings_are_not_kept_their_minutes_answer() -> None:
    now = time.time()
    store(publish_model(), "van_1", [(now - 3 * 86_400, {"speed": 1.0}), (now - 60, {"speed": 2.0})])
    DataModel.objects.update(retention_days=2)
    publish(DataModel.objects.get())
    settle()
    sources = []
    for days in (1, 5):
        wanted = HistoryQuery(fields=("van.speed",), start=instant(now) - timedelta(days=days), end=instant(now))
        sources.append(answer(wanted, instant(now)).source)
    assert sources == ["raw", "1m"]
