"""Reads of stored readings as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from django.db import connection

from ingest.models import Device
from validation import selectors
from validation.history.reading import MAX_READINGS, readings
from validation.spec import ModelSpec
from validation.tests.stored import instant, publish_model, store

pytestmark = pytest.mark.django_db
T = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
Pairs = list[tuple[float, object]]


def read_all(
    spec: ModelSpec, names: Sequence[str], devices: Sequence[str], start: float, end: float, at_most: int = MAX_READINGS
) -> dict[str, dict[str, Pairs]]:
    """Return pairs of time and value by field and device."""
    ids = dict(Device.objects.filter(name__in=devices).values_list("name", "id"))
    fields = [field for name in names for field in spec.fields if field.name == name]
    columns = readings(spec, fields, list(ids.values()), instant(start), instant(end), at_most)
    parts = {name: {device: columns[name].of_device(ids[device]) for device in devices} for name in names}
    return {
        name: {
            device: list(zip((part.micros / 1e6).tolist(), part.values.tolist(), strict=True))
            for device, part in of_devices.items()
        }
        for name, of_devices in parts.items()
    }


def read(spec: ModelSpec, name: str, start: float = T, end: float = T + 3600) -> Pairs:
    return read_all(spec, [name], ["van_1"], start, end)[name]["van_1"]


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


def test_a_point_has_latitude_and_longitude_in_a_history() -> None:
    spec = publish_model(fields=PLACED)
    store(spec, "van_1", [(T, {"gps": "(-0.125,52.5)", "name": "Zoë"}), (T + 1, {"speed": 1.0})])
    place = {"lat": 52.5, "lon": -0.125}
    assert read(spec, "gps") == [(T, place)]


def test_what_a_number_held_while_it_was_an_integer_is_read_as_well() -> None:
    spec = publish_model(fields=({"name": "rpm", "kind": "integer"},))
    store(spec, "van_1", [(T, {"rpm": 900})])
    spec = publish_model(fields=({"name": "rpm", "kind": "number"},))
    store(spec, "van_1", [(T + 1, {"rpm": 900.5})])
    assert read(spec, "rpm") == [(T, 900.0), (T + 1, 900.5)]


def test_a_history_without_readings_is_empty() -> None:
    spec = publish_model()
    Device.objects.create(name="van_1")
    assert read(spec, "speed") == []
    assert read(spec, "driver") == []


def test_several_fields_and_devices_come_from_one_read_each_without_its_gaps() -> None:
    spec = publish_model()
    store(spec, "van_2", [(T, {"speed": 1.0, "gear": 1, "driver": "Zoë"}), (T + 1, {"speed": 2.0})])
    store(spec, "van_1", [(T, {"gear": 3}), (T + 2, {"speed": 4.0, "driver": "Ann"})])
    assert read_all(spec, ["speed", "gear", "driver"], ["van_1", "van_2"], T, T + 9) == {
        "speed": {"van_1": [(T + 2, 4.0)], "van_2": [(T, 1.0), (T + 1, 2.0)]},
        "gear": {"van_1": [(T, 3)], "van_2": [(T, 1)]},
        "driver": {"van_1": [(T + 2, "Ann")], "van_2": [(T, "Zoë")]},
    }


@pytest.mark.parametrize("name", ["speed", "driver"])
def test_a_history_beyond_the_limit_is_refused_and_not_cut_off(name: str) -> None:
    spec = publish_model()
    store(spec, "van_1", [(T + n, {"speed": 1.0, "driver": "Zoë"}) for n in range(4)])
    assert len(read_all(spec, [name], ["van_1"], T, T + 9, at_most=4)[name]["van_1"]) == 4
    with pytest.raises(selectors.TooManyReadings, match="3"):
        read_all(spec, [name], ["van_1"], T, T + 9, at_most=3)


def test_a_history_that_takes_too_long_is_stopped_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selectors, "READ_TIMEOUT_MS", 50)
    wrap = connection.wrap_database_errors
    slow = "COPY (SELECT pg_sleep(5)) TO STDOUT"
    with pytest.raises(selectors.TooSlow), selectors.bounded_read() as cursor, wrap, cursor.cursor.copy(slow) as copy:
        b"".join(copy)
