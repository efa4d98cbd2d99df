"""What queries come to over stored readings: the same as plain SQL or plain Python, and nothing is ever written."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import InternalError, connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.errors import ReadOnlySqlTransaction

from ingest.models import Device
from insights.questions import rolled
from insights.questions.asking import answered, ask
from insights.questions.knowing import vocabulary_for
from insights.questions.query import Condition, Kind, Query, Span
from insights.questions.running import run
from insights.questions.vocabulary import Vocabulary
from insights.questions.work import read_only
from validation.models import Latest
from validation.tests.stored import instant, publish_model, roll_up, store

pytestmark = pytest.mark.django_db

NOW = datetime(2025, 11, 19, 15, 30, tzinfo=UTC)
BEGIN = NOW - timedelta(days=2)
STEP_S = 60.0
Reading = tuple[float, dict[str, Any]]


class Vans(dict[str, list[Reading]]):
    """Readings by device; short where a failing test shows them."""

    def __repr__(self) -> str:
        return f"{len(self)} vans"


@pytest.fixture
def vans() -> Vans:
    """Readings of three vans in a minute's rhythm, with gaps and missing values; sums of them have no rounding."""
    chance = random.Random(7)
    spec = publish_model()
    found = Vans()
    for name, tags in (("van_1", ["north"]), ("van_2", ["north"]), ("van_3", [])):
        moments = [BEGIN.timestamp() + 1_800 * part + STEP_S * step for part in range(90) for step in range(10)]
        found[name] = [
            (ts, {"speed": chance.randrange(0, 1_000) / 8, "gear": chance.randrange(5)})
            for ts in moments
            if chance.random() < 0.8
        ]
        store(spec, name, found[name])
        Device.objects.filter(name=name).update(tags=tags)
        Latest.objects.filter(device__name=name).update(interval_s=STEP_S)
    return found


@st.composite
def spans(draw: st.DrawFn) -> Span:
    start = draw(st.integers(-3_600, 47 * 3_600))
    return Span(BEGIN + timedelta(seconds=start), BEGIN + timedelta(seconds=start + draw(st.integers(1, 90_000))))


def within(readings: list[Reading], span: Span) -> list[tuple[float, float]]:
    assert span.start is not None
    assert span.end is not None
    begin, end = span.start.timestamp(), span.end.timestamp()
    return [(ts, values["speed"]) for ts, values in readings if begin <= ts < end]


# A fixture is shared by the examples, which only read it.
SLOW = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


@SLOW
@given(span=spans(), names=st.sets(st.sampled_from(["van_1", "van_2", "van_3"])))
def test_averages_extremes_sums_and_counts_are_those_of_the_readings(vans: Vans, span: Span, names: set[str]) -> None:
    vocabulary = vocabulary_for("")
    values = [value for name in names or vans for _, value in within(vans[name], span)]
    come_to: dict[Any, Callable[[list[float]], float]] = {
        "average": lambda found: sum(found) / len(found), "minimum": min, "maximum": max, "sum": sum,
    }  # fmt: skip
    for kind, measure in come_to.items():
        query = Query(kind=kind, fields=("van.speed",), devices=tuple(sorted(names)), start=span.start, end=span.end)
        assert run(query, vocabulary, NOW).number == (pytest.approx(measure(values), rel=1e-12) if values else None)
    counted = Query(kind="count", measure="readings", fields=("van.speed",), devices=tuple(sorted(names)),
                    start=span.start, end=span.end)  # fmt: skip
    assert run(counted, vocabulary, NOW).number == len(values)


@SLOW
@given(span=spans(), limit=st.integers(0, 125), op=st.sampled_from([">", "<="]))
def test_how_long_and_how_often_are_what_the_readings_say(vans: Vans, span: Span, limit: int, op: Any) -> None:
    vocabulary, condition = vocabulary_for(""), Condition(op, float(limit))

    def holds(value: float) -> bool:
        return value > limit if op == ">" else value <= limit

    more: dict[str, Any] = {"fields": ("van.speed",), "devices": ("van_1",), "start": span.start, "end": span.end}
    inside = within(vans["van_1"], span)
    lasted = run(Query(kind="duration", condition=condition, **more), vocabulary, NOW)
    exact = seconds(vans["van_1"], span, holds)
    assert lasted.number == (pytest.approx(exact, abs=1e-6) if inside or exact else None)
    assert sum(row["seconds"] for row in lasted.rows) == pytest.approx(lasted.number or 0.0) or lasted.in_all > 100
    times = run(Query(kind="count", measure="times", condition=condition, **more), vocabulary, NOW)
    states = [False, *(holds(value) for _, value in inside)]
    begun = sum(now and not before for before, now in itertools.pairwise(states))
    assert times.number == (begun if inside else None)


def seconds(readings: list[Reading], span: Span, holds: Callable[[float], bool]) -> float:
    assert span.start is not None
    assert span.end is not None
    begin, end = span.start.timestamp(), span.end.timestamp()
    return sum(
        max(0.0, min(after, end) - max(ts, begin))
        for (ts, values), (after, _) in itertools.pairwise(readings)
        if holds(values["speed"]) and after - ts <= 3 * STEP_S
    )


def test_integers_have_averages_and_sums_that_are_numbers_too(vans: Vans) -> None:
    for kind in ("average", "sum"):
        reply = ask(f"{kind} gear of van_1 in the last 2 days", NOW, "UTC")
        gears = [values["gear"] for _, values in vans["van_1"]]
        assert reply.result is not None
        assert reply.result.number == pytest.approx(sum(gears) / (len(gears) if kind == "average" else 1))
        assert all(type(value) in (str, int, float) for value in reply.result.rows[0].values())


def test_the_sql_that_is_shown_gives_the_number_that_was_told(vans: Vans) -> None:
    reply = ask("What was the average speed of van_1 yesterday?", NOW, "UTC")
    assert reply.result is not None
    (statement,) = reply.result.sql
    with connection.cursor() as cursor:
        cursor.execute(statement)
        names = [column.name for column in cursor.description or ()]
        together = dict(zip(names, cursor.fetchone() or (), strict=True))
    assert together["average"] == reply.result.number
    assert f"{together['readings']:,} readings" in reply.answer


def test_a_group_is_its_devices_and_each_of_them_has_a_row(vans: Vans) -> None:
    reply = ask("average speed of the north vans in the last 2 days", NOW, "UTC")
    assert reply.result is not None
    assert [row["device"] for row in reply.result.rows] == ["van_1", "van_2"]
    values = [values["speed"] for name in ("van_1", "van_2") for _, values in vans[name]]
    assert reply.result.number == pytest.approx(sum(values) / len(values))


def test_whatever_a_question_runs_cannot_write() -> None:
    device = Device.objects.create(name="van_1")
    with pytest.raises(InternalError) as raised, read_only() as cursor:
        cursor.execute("DELETE FROM ingest_device")
    assert isinstance(raised.value.__cause__, ReadOnlySqlTransaction)
    assert Device.objects.filter(pk=device.pk).exists()
    Device.objects.create(name="van_2")  # and the transaction around it still can


def test_a_device_that_sent_nothing_and_a_model_without_readings_are_said_to_have_none() -> None:
    publish_model()
    Device.objects.create(name="van_9")
    assert ask("average speed of van_9 today", NOW, "UTC").outcome == "no_data"
    assert ask("What is the current speed of van_9?", NOW, "UTC").outcome == "no_data"
    assert ask("When was van_9 last seen?", NOW, "UTC").outcome == "no_data"
    assert ask("average speed today", NOW, "UTC").outcome == "no_data"


def test_an_empty_installation_answers_that_there_is_nothing() -> None:
    assert ask("average speed today", NOW, "UTC").outcome == "ask_back"
    assert ask("Which devices are offline?", NOW, "UTC").answer == "There are no offline devices."


@pytest.mark.parametrize(("values", "said"), [([50.0] * 60, "hardly|Not enough"), ([50.0], "Not enough")])
def test_constants_and_single_readings_have_no_correlation(values: list[float], said: str) -> None:
    start = NOW.timestamp() - 3_600
    store(publish_model(), "van_1", [(start + 60 * at, {"speed": v, "gear": 3}) for at, v in enumerate(values)])
    reply = ask("Does speed correlate with gear on van_1?", NOW, "UTC")
    assert reply.outcome == "no_data"
    assert re.search(said, reply.answer)


def test_fields_that_are_no_numbers_have_a_last_value_and_no_average() -> None:
    store(publish_model(), "van_1", [(NOW.timestamp() - 60, {"speed": 3.0, "driver": "<b>Ada</b>", "braking": True})])
    assert "<b>Ada</b>" in ask("What was the last driver of van_1?", NOW, "UTC").answer
    assert "True" in ask("What is the last braking of van_1?", NOW, "UTC").answer
    assert ask("average driver of van_1", NOW, "UTC").outcome == "ask_back"


def test_a_field_may_have_the_name_of_a_column_that_devices_have() -> None:
    fields = ({"name": "id"}, {"name": "tags_count", "label": "Tags"})
    store(publish_model("tag", fields), "tag_1", [(NOW.timestamp() - 60, {"id": 7.0, "tags_count": 2.0})])
    vocabulary = vocabulary_for("")
    query = Query(kind="average", fields=("tag.id",), start=BEGIN, end=NOW)
    assert answered(query, vocabulary, NOW).result.number == 7.0  # type: ignore[union-attr]


def test_rows_are_bounded_and_their_number_is_said(vans: Vans) -> None:
    query = Query(
        kind="duration", fields=("van.speed",), start=BEGIN, end=NOW, condition=Condition(">", 60.0), devices=("van_1",)
    )
    result = run(query, vocabulary_for(""), NOW)
    assert len(result.rows) == 100 < result.in_all
    assert result.number == pytest.approx(seconds(vans["van_1"], Span(BEGIN, NOW), lambda value: value > 60))


def test_what_the_asker_may_not_see_is_like_what_does_not_exist() -> None:
    spec = publish_model()
    seen = Vocabulary({}, {})
    store(spec, "van_1", [(NOW.timestamp() - 60, {"speed": 3.0})])
    known = ask("average speed of van_1 today", NOW, "UTC", vocabulary=seen).answer
    assert known == ask("average speed of van_2 today", NOW, "UTC", vocabulary=seen).answer.replace("van_2", "van_1")


def test_times_with_a_zone_are_told_in_it() -> None:
    at = instant(NOW.timestamp() - 60)
    store(publish_model(), "van_1", [(at.timestamp(), {"speed": 3.0})])
    assert "today at 16:29 (Europe/Berlin)" in ask("What is the last speed of van_1?", NOW, "Europe/Berlin").answer


def test_out_of_hours_an_answer_is_the_same_as_out_of_the_readings(vans: Vans, monkeypatch: pytest.MonkeyPatch) -> None:
    roll_up()
    vocabulary, chance = vocabulary_for(""), random.Random(3)
    kinds: tuple[Kind, ...] = ("average", "minimum", "maximum", "sum", "rank")
    for kind, measure in itertools.product(kinds, (None, "average")):
        start = BEGIN + timedelta(seconds=chance.randrange(0, 90_000))
        more: dict[str, Any] = {"measure": measure or "maximum", "order": "lowest"} if kind == "rank" else {}
        end = start + timedelta(seconds=chance.randrange(7_200, 80_000))
        query = Query(kind=kind, fields=("van.speed",), start=start, end=end, **more)
        monkeypatch.setattr(rolled, "ROLL_UP_FROM", 10**12)
        plain = run(query, vocabulary, NOW)
        monkeypatch.setattr(rolled, "ROLL_UP_FROM", 0)
        hours = run(query, vocabulary, NOW)
        assert (hours.number, hours.rows) == (plain.number, plain.rows)
        assert kind != "rank" or hours.winner == plain.winner
        assert hours.number is not None
        assert "rollup" in hours.sql[0]
