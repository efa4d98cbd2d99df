"""Reads of what is stored."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from ingest.models import Device
from validation import selectors
from validation.tests.stored import instant, publish_model, store

pytestmark = pytest.mark.django_db
T = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


PLACED = ({"name": "speed"}, {"name": "name", "kind": "text"}, {"name": "gps", "kind": "point"})


def test_a_point_has_latitude_and_longitude_in_an_entry() -> None:
    spec = publish_model(fields=PLACED)
    store(spec, "van_1", [(T, {"gps": "(-0.125,52.5)", "name": "Zoë"}), (T + 1, {"speed": 1.0})])
    assert [entry.values for entry in selectors.entries(spec, limit=5)] == [
        {"speed": 1.0},
        {"name": "Zoë", "gps": {"lat": 52.5, "lon": -0.125}},
    ]


def test_what_a_number_held_while_it_was_an_integer_is_read_in_an_entry_as_well() -> None:
    store(publish_model(fields=({"name": "rpm", "kind": "integer"},)), "van_1", [(T, {"rpm": 900})])
    spec = publish_model(fields=({"name": "rpm", "kind": "number"},))
    store(spec, "van_1", [(T + 1, {"rpm": 900.5})])
    assert [entry.values for entry in selectors.entries(spec, limit=5)] == [{"rpm": 900.5}, {"rpm": 900.0}]


def test_a_read_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "READ_TIMEOUT_MS", 50)
    began = time.monotonic()
    with pytest.raises(selectors.TooSlow), selectors.bounded_read() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    assert time.monotonic() - began < 2


def test_presences_come_by_device_and_model() -> None:
    van, room = publish_model(), publish_model("room", ({"name": "warmth"},))
    store(van, "b", [(T, {"speed": 1.0})], seen=T + 5)
    store(room, "b", [(T, {"warmth": 20.0})])
    store(van, "a", [(T, {"speed": 1.0})])
    Device.objects.create(name="c", expected_interval_s=3)
    found = selectors.presences()
    assert [(row.device, row.model) for row in found] == [("a", "van"), ("b", "room"), ("b", "van"), ("c", None)]
    assert found[2].last_seen == instant(T + 5)
    assert list(found[3]) == ["c", None, None, 3, None]
    assert [(row.device, row.model) for row in selectors.presences("van")] == [("a", "van"), ("b", "van")]


def test_the_newest_reading_is_the_one_with_the_newest_event_time() -> None:
    van, room = publish_model(), publish_model("room", ({"name": "warmth"},))
    store(van, "a", [(T + 9, {"speed": 9.0}), (T, {"speed": 0.0})], seen=T + 20)
    store(room, "a", [(T + 10, {"warmth": 20.0})])
    found = selectors.newest(device="a")
    assert [(row.model, row.ts, row.values) for row in found] == [
        ("room", instant(T + 10), {"warmth": 20.0}),
        ("van", instant(T + 9), {"speed": 9.0}),
    ]
    assert [row.device for row in selectors.newest(model="van")] == ["a"]


def test_entries_are_the_newest_of_all_devices() -> None:
    spec = publish_model()
    for device in range(4):
        store(spec, f"van_{device}", [(T + 10 * n + device, {"speed": float(n)}) for n in range(6)])
    found = selectors.entries(spec, limit=6)
    assert [(entry.device, entry.values["speed"]) for entry in found] == [
        ("van_3", 5.0), ("van_2", 5.0), ("van_1", 5.0), ("van_0", 5.0), ("van_3", 4.0), ("van_2", 4.0),
    ]  # fmt: skip


def test_entries_can_be_those_of_one_device_since_a_moment() -> None:
    spec = publish_model()
    for device in ("a", "b"):
        store(spec, device, [(T + n, {"speed": float(n), "serviced_at": instant(T)}) for n in range(6)])
    found = selectors.entries(spec, limit=10, device="a", since=instant(T + 3))
    assert [(entry.device, entry.ts, entry.values) for entry in found] == [
        ("a", instant(T + n), {"speed": float(n), "serviced_at": T}) for n in (5, 4, 3)
    ]


def test_the_newest_version_of_a_model_is_the_one_that_counts() -> None:
    publish_model()
    publish_model(fields=({"name": "speed"}, {"name": "load"}))
    assert [field.name for field in selectors.model_specs()["van"].fields] == ["speed", "load"]
