"""Reads of what is stored."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ingest.models import Device
from validation import selectors
from validation.spec import FieldSpec, ModelSpec
from validation.tests.stored import instant, publish_model, store

pytestmark = pytest.mark.django_db
T = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()


def field(spec: ModelSpec, name: str) -> FieldSpec:
    return next(field for field in spec.fields if field.name == name)


def read(spec: ModelSpec, name: str, device: str = "van_1", start: float = T, end: float = T + 3600) -> list[object]:
    series = selectors.history(spec, field(spec, name), device, instant(start), instant(end))
    return list(zip((series.micros / 1e6).tolist(), series.values.tolist(), strict=True))


def test_a_history_has_every_reading_of_its_span_and_both_ends() -> None:
    spec = publish_model()
    store(spec, "van_1", [(T + n, {"speed": n + 0.1}) for n in range(5)])
    store(spec, "van_2", [(T + 1, {"speed": 99.0})])
    assert read(spec, "speed", start=T + 1, end=T + 3) == [(T + 1, 1.1), (T + 2, 2.1), (T + 3, 3.1)]


def test_a_history_keeps_microseconds_and_crosses_days() -> None:
    spec = publish_model()
    midnight = datetime(2026, 3, 2, tzinfo=UTC).timestamp()
    store(spec, "van_1", [(midnight - 0.000001, {"speed": 1.5}), (midnight + 0.123456, {"speed": 2.5})])
    assert read(spec, "speed", start=midnight - 1, end=midnight + 1) == [
        (midnight - 0.000001, 1.5),
        (midnight + 0.123456, 2.5),
    ]


def test_readings_of_one_moment_come_in_the_order_of_their_sequence() -> None:
    spec = publish_model()
    for seq in (2, 0, 1):
        store(spec, "van_1", [(T, {"speed": float(seq)})], seq=seq)
    assert read(spec, "speed") == [(T, 0.0), (T, 1.0), (T, 2.0)]


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("speed", 1e-300, 1e-300),
        ("gear", -(2**63), -(2**63)),
        ("braking", True, True),
        ("driver", "Zoë\n'; DROP TABLE", "Zoë\n'; DROP TABLE"),
        ("serviced_at", datetime(1999, 1, 1, tzinfo=UTC), 915148800.0),
    ],
)
def test_every_kind_of_field_has_a_history_without_its_gaps(name: str, value: object, expected: object) -> None:
    spec = publish_model()
    store(spec, "van_1", [(T, {"speed": 1.0}), (T + 1, {"speed": 1.0, name: value})])
    assert read(spec, name)[-1] == (T + 1, expected)
    assert len(read(spec, name)) == (2 if name == "speed" else 1)


PLACED = ({"name": "speed"}, {"name": "name", "kind": "text"}, {"name": "gps", "kind": "point"})


def test_a_point_has_latitude_and_longitude_in_a_history_and_in_an_entry() -> None:
    spec = publish_model(fields=PLACED)
    store(spec, "van_1", [(T, {"gps": "(-0.125,52.5)", "name": "Zoë"}), (T + 1, {"speed": 1.0})])
    place = {"lat": 52.5, "lon": -0.125}
    assert read(spec, "gps") == [(T, place)]
    assert [entry.values for entry in selectors.entries(spec, limit=5)] == [
        {"speed": 1.0},
        {"name": "Zoë", "gps": place},
    ]


def test_what_a_number_held_while_it_was_an_integer_is_read_as_well() -> None:
    spec = publish_model(fields=({"name": "rpm", "kind": "integer"},))
    store(spec, "van_1", [(T, {"rpm": 900})])
    spec = publish_model(fields=({"name": "rpm", "kind": "number"},))
    store(spec, "van_1", [(T + 1, {"rpm": 900.5})])
    assert read(spec, "rpm") == [(T, 900.0), (T + 1, 900.5)]
    assert [entry.values for entry in selectors.entries(spec, limit=5)] == [{"rpm": 900.5}, {"rpm": 900.0}]


def test_a_history_without_readings_is_empty() -> None:
    spec = publish_model()
    assert read(spec, "speed") == []
    assert read(spec, "driver") == []


def test_a_history_beyond_the_limit_is_refused_and_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = publish_model()
    store(spec, "van_1", [(T + n, {"speed": 1.0}) for n in range(4)])
    monkeypatch.setattr(selectors, "MAX_READINGS", 4)
    assert len(read(spec, "speed")) == 4
    monkeypatch.setattr(selectors, "MAX_READINGS", 3)
    with pytest.raises(selectors.TooManyReadings):
        read(spec, "speed")


def test_a_read_that_takes_too_long_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "READ_TIMEOUT_MS", 50)
    began = time.monotonic()
    with pytest.raises(selectors.TooSlow), selectors.bounded_read() as cursor:
        cursor.execute("SELECT pg_sleep(5)")
    assert time.monotonic() - began < 2


def test_a_history_that_takes_too_long_is_stopped_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "READ_TIMEOUT_MS", 50)
    wrap = connection.wrap_database_errors
    slow = "COPY (SELECT pg_sleep(5)) TO STDOUT"
    with pytest.raises(selectors.TooSlow), selectors.bounded_read() as cursor, wrap, cursor.cursor.copy(slow) as copy:
        b"".join(copy)


def test_all_presences_come_from_one_query() -> None:
    van, room = publish_model(), publish_model("room", ({"name": "warmth"},))
    store(van, "b", [(T, {"speed": 1.0})], seen=T + 5)
    store(room, "b", [(T, {"warmth": 20.0})])
    store(van, "a", [(T, {"speed": 1.0})])
    Device.objects.create(name="c", expected_interval_s=3)
    with CaptureQueriesContext(connection) as queries:
        found = selectors.presences()
    assert len(queries) == 1
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
