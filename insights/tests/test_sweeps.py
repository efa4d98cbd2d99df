"""Devices that fall silent, and devices unlike the others."""

from __future__ import annotations

import time

import pytest

from insights.models import Finding
from insights.tests.series import noise
from insights.watching.peers import PERSISTS, Peers
from insights.watching.reading import news_of
from insights.watching.silences import Silences
from insights.watching.tidying import tidy
from insights.watching.watcher import Watcher
from validation.models import DataModel, Latest
from validation.spec import ModelSpec
from validation.tests.stored import instant, publish_model, store

pytestmark = pytest.mark.django_db
EVERY = 60.0


def vans(count: int, minutes_ago: float = 0.0) -> tuple[ModelSpec, float]:
    """Store two hours of some devices, whose last reading came so long ago; return when that was."""
    spec = publish_model(fields=({"name": "speed", "unit": "km/h"},))
    last = time.time() - minutes_ago * 60
    for number in range(count):
        values = noise(120, 50.0, 2.0, seed=number)
        store(
            spec, f"van_{number}", [(last - (119 - place) * EVERY, {"speed": one}) for place, one in enumerate(values)]
        )
    Latest.objects.update(interval_s=EVERY)
    return spec, last


def sweep(silences: Silences, now: float) -> int:
    watcher = Watcher()
    while watcher.run(5.0):
        pass
    model = DataModel.objects.get().pk
    return silences.sweep(model, news_of(model), watcher.states, {}, now, None)


def test_a_device_is_silent_from_its_last_word_to_its_next_one() -> None:
    spec, last = vans(1)
    silences = Silences()
    assert sweep(silences, last + 9 * EVERY) == 0
    assert sweep(silences, last + 11 * EVERY) == 1
    assert sweep(silences, last + 12 * EVERY) == 0
    assert sweep(Silences(), last + 13 * EVERY) == 0  # another process knows it from the table
    row = Finding.objects.get()
    assert (row.kind, row.field, row.open, row.value) == ("missing", "", True, EVERY)
    assert row.start.timestamp() == pytest.approx(last, abs=1e-5)
    store(spec, "van_0", [(last + 20 * EVERY, {"speed": 50.0})])
    assert sweep(silences, last + 20 * EVERY) == 0
    row.refresh_from_db()
    assert not row.open
    assert row.end.timestamp() == pytest.approx(last + 20 * EVERY, abs=1e-5)


def test_where_most_are_silent_at_once_the_way_here_is_and_no_device() -> None:
    _, last = vans(5)
    assert sweep(Silences(), last + 11 * EVERY) == 0
    Latest.objects.filter(device__name__in=("van_0", "van_1", "van_2")).update(last_seen_at=instant(last + 10 * EVERY))
    assert sweep(Silences(), last + 11 * EVERY) == 2


def test_a_device_that_nobody_knows_or_that_was_imported_is_not_missed() -> None:
    spec, last = vans(1)
    store(spec, "new", [(last - 60, {"speed": 50.0}), (last, {"speed": 50.0})])
    Latest.objects.filter(device__name="van_0").update(
        received_at=instant(last + 7_200), last_seen_at=instant(last + 7_200)
    )
    assert sweep(Silences(), last + 9_000) == 0


def test_a_device_unlike_the_others_is_told_once_and_until_it_is_like_them_again() -> None:
    spec, _ = vans(12)
    odd = Latest.objects.get(device__name="van_7")
    odd.values = {"speed": 120.0}
    odd.save()
    model, peers = DataModel.objects.get().pk, Peers()
    assert [peers.sweep(model, spec, {}, None) for _ in range(PERSISTS + 2)] == [0] * (PERSISTS - 1) + [1, 0, 0]
    row = Finding.objects.get()
    assert (row.device.name, row.kind, row.value, row.open) == ("van_7", "unlike_peers", 120.0, True)
    assert Peers().sweep(model, spec, {}, None) == 0
    assert peers.sweep(model, spec, {(model, row.device_id, "speed"): 0.1}, None) == 0
    assert not Finding.objects.get().open


def test_old_findings_go_with_the_readings_of_their_model() -> None:
    spec, last = vans(1, minutes_ago=60)
    at = instant(last)
    Finding.objects.create(
        device=Latest.objects.get().device, model=DataModel.objects.get(), field="speed", kind="spike", start=at,
        end=at, at=at, value=400.0, low=45.0, high=55.0, score=0.9,
    )  # fmt: skip
    model = DataModel.objects.get()
    tidy({model.pk: spec}, {(model.pk, Finding.objects.get().device_id)}, instant(time.time() + 2 * 3_600))
    assert not Finding.objects.get().open
    assert tidy({model.pk: spec}, set(), instant(time.time() + 300 * 86_400)) == 0
    assert tidy({model.pk: spec}, set(), instant(time.time() + 366 * 86_400)) == 1
