"""Watching what is stored: nothing is found twice or missed, whoever dies, and whatever comes late."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import pairwise
from time import process_time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from insights.facts.fact import Window
from insights.facts.findings import noticed
from insights.models import Feedback, Finding, SeriesState
from insights.tests.series import noise
from insights.watching import watcher as watching
from insights.watching.feedback import say, sensitivities
from insights.watching.series import MOST_A_DAY, Series
from insights.watching.watcher import Watcher
from validation.spec import ModelSpec
from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db
EVERY = 10.0  # seconds between readings
HOURS = 2
SPIKES = (450, 451, 600, 690)


@pytest.fixture
def spec() -> ModelSpec:
    return publish_model(
        fields=({"name": "speed", "unit": "km/h", "label": "Speed"}, {"name": "gear", "kind": "integer"})
    )


def begin() -> float:
    return float(int(timezone.now().timestamp()) - HOURS * 3600)


def readings(start: float, spikes: Iterable[int] = SPIKES) -> list[tuple[float, dict[str, Any]]]:
    """Return two hours of a speed about 50 km/h that goes mad at some places."""
    values = noise(int(HOURS * 3600 / EVERY) - 10, 50.0, 2.0)
    for place in spikes:
        values[place] = 143.0 + place / 10
    return [(start + place * EVERY, {"speed": value, "gear": 3}) for place, value in enumerate(values)]


def look(watcher: Watcher) -> None:
    while watcher.run(5.0):
        pass


def found() -> list[tuple[Any, ...]]:
    rows = Finding.objects.order_by("device__name", "field", "start")
    return list(rows.values_list("device__name", "field", "kind", "start", "end", "at", "value", "score", "open"))


@pytest.mark.parametrize("pieces", [(1, 380), (451,), (449, 450, 452, 601, 655)])
def test_whoever_goes_on_after_a_kill_finds_what_one_that_lived_would_have(spec: ModelSpec, pieces: Any) -> None:
    all_of_them = readings(begin())
    edges = [0, *pieces, len(all_of_them)]
    for first, end in pairwise(edges):
        store(spec, "van_1", all_of_them[first:end])
        look(Watcher())  # which dies without another word
    in_pieces = found()
    Finding.objects.all().delete()
    SeriesState.objects.all().delete()
    look(Watcher())
    assert in_pieces == found()
    assert [row[2] for row in in_pieces][:1] == ["spike"]
    assert [row[3].timestamp() for row in in_pieces] == [all_of_them[place][0] for place in (450, 600, 690)]


def test_one_that_lives_writes_no_state_twice_in_five_minutes_and_says_what_it_learned_of(spec: ModelSpec) -> None:
    rows = readings(begin())
    watcher = Watcher()
    store(spec, "van_1", rows[:100])
    look(watcher)
    row = SeriesState.objects.get()
    assert row.learning_until is not None
    assert row.learning_until.timestamp() == pytest.approx(rows[0][0] + 3_600, abs=EVERY)
    assert len(row.state) < 2 * 10_000
    store(spec, "van_1", rows[100:440])
    look(watcher)
    assert SeriesState.objects.get().ts == row.ts
    watcher.save()
    assert SeriesState.objects.get().learning_until is None


def test_what_comes_late_is_not_looked_at(spec: ModelSpec) -> None:
    rows = readings(begin())
    watcher = Watcher()
    store(spec, "van_1", rows[:500])
    look(watcher)
    before, looked = found(), watcher.counts.readings
    store(spec, "van_1", [(rows[400][0] + 3.0, {"speed": 900.0})], seq=7)
    store(spec, "van_1", rows[500:501])
    look(watcher)
    assert (found(), watcher.counts.readings) == (before, looked + 1)


def test_two_that_watch_at_once_write_nothing_twice(spec: ModelSpec) -> None:
    rows = readings(begin())
    store(spec, "van_1", rows[:300])
    one, other = Watcher(), Watcher()
    look(one)
    look(other)
    store(spec, "van_1", rows[300:])
    look(one)
    look(other)
    assert len(found()) == 3


def test_what_people_say_changes_how_soon_it_is_told_and_can_be_taken_back(spec: ModelSpec) -> None:
    store(spec, "van_1", readings(begin()))
    look(Watcher())
    person = User.objects.create_user("olga")
    one = Finding.objects.first()
    assert one is not None
    assert say(one, Feedback.Said.NOT_REAL, person.pk) == 0.5
    assert say(one, Feedback.Said.REAL, person.pk) == 1.25
    assert sensitivities() == {(one.model_id, one.device_id, "speed"): 1.25}
    assert say(one, None, person.pk) == 1.0
    for finding in Finding.objects.all():
        say(finding, Feedback.Said.NOT_REAL, person.pk)
    SeriesState.objects.all().delete()
    Finding.objects.update(field="")  # as if they were of something else
    look(Watcher())
    assert len(Finding.objects.filter(field="speed")) < 3


def test_a_thousand_devices_take_as_many_statements_as_one(spec: ModelSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    start = begin()
    for number in range(60):
        store(spec, f"van_{number}", [(start + place, {"speed": 50.0, "gear": 3}) for place in range(60)])
    with CaptureQueriesContext(
        connection,
    ) as caught:
        look(Watcher())
    assert SeriesState.objects.count() == 60
    assert len(caught) < 30


def test_devices_that_send_once_each_leave_no_states_behind_and_are_looked_at_once(spec: ModelSpec) -> None:
    start, watcher = begin(), Watcher()
    for number in range(200):
        store(spec, f"van_{number}", [(start, {"speed": 50.0})])
    look(watcher)
    assert watcher.counts.readings == 200
    watcher.save()
    assert not SeriesState.objects.exists()
    for _ in range(3):
        look(watcher)
    assert watcher.counts.readings == 200


def test_a_device_that_is_too_far_behind_loses_what_is_old_and_it_is_counted(
    spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "BACKLOG", 100)
    rows = readings(begin())
    watcher = Watcher()
    store(spec, "van_1", rows[:20])
    look(watcher)
    store(spec, "van_1", rows[20:])
    look(watcher)
    assert watcher.counts.skipped == 1
    assert 20 + 360 <= watcher.counts.readings <= 20 + 362


def test_a_series_that_goes_mad_makes_only_so_many_findings_a_day() -> None:
    series = Series()
    values = noise(20_000, 50.0, 2.0)
    for place in range(1_000, 20_000, 100):
        values[place] = 50.0 + 2.0 ** (place / 250)
    noted = series.feed([place * 4.0 for place in range(20_000)], values)
    assert len({one.event.start for one in noted}) <= MOST_A_DAY
    assert series.suppressed > 0


def test_a_summary_is_told_of_what_was_found_in_its_window(spec: ModelSpec) -> None:
    rows = readings(begin())
    device = store(spec, "van_1", rows)
    look(Watcher())
    now = timezone.now()
    told = noticed("van", None, Window(now - timedelta(hours=24), now))
    assert len(told) == 3
    assert {one.device for one in told} == {"van_1"}
    assert {one.sentence[:17] for one in told} <= {"Speed 188.0 km/h ", "Speed 212.0 km/h ", "Speed 203.0 km/h "}
    assert noticed("van", [device.pk + 1], Window(now - timedelta(hours=24), now)) == ()


def test_a_turn_costs_little_more_than_its_detectors() -> None:
    spec = publish_model(fields=tuple({"name": f"f{number}"} for number in range(4)))
    start, columns = begin(), [noise(200, 50.0, 2.0, seed) for seed in range(4)]
    rows = [
        (start + place * EVERY, {f"f{number}": column[place] for number, column in enumerate(columns)})
        for place in range(200)
    ]
    for number in range(20):
        store(spec, f"van_{number}", rows)
    watcher, detectors = Watcher(), [Series() for _ in range(80)]
    began = process_time()
    look(watcher)
    took = process_time() - began
    began = process_time()
    for number, series in enumerate(detectors):
        series.feed([at for at, _ in rows], columns[number % 4])
    alone = process_time() - began
    readings = watcher.counts.readings
    print(
        f"{readings / took:,.0f} readings/s of four fields, {took / readings / 4 * 1e6:.1f} us a value, "
        f"{alone / readings / 4 * 1e6:.1f} of them the detector's"
    )
    assert readings == 4_000
    assert took < 3 * alone + 0.5
