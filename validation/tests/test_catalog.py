"""Which model speaks for a topic."""

from __future__ import annotations

import pytest

from validation import catalog as catalogs
from validation.catalog import Catalog
from validation.samples import SENSOR, VEHICLE
from validation.schema import compile_model
from validation.spec import ModelSpec
from validation.tests.judging import SENSOR_TOPIC, VEHICLE_TOPIC, catalog_of


def test_the_first_wildcard_of_the_filter_names_the_device() -> None:
    route = catalog_of().route(VEHICLE_TOPIC)
    assert route.model is not None
    assert (route.model.spec.name, route.device, route.reasons) == ("vehicle", "vehicle_01", ())


def test_another_wildcard_can_name_the_device_and_a_hash_is_one() -> None:
    for topic_filter, level, device in (("+/+/telemetry", 2, "vehicle_01"), ("vehicles/+/#", 2, "telemetry")):
        spec = ModelSpec(name="m", topic_filter=topic_filter, fields=VEHICLE.fields, device_level=level)
        assert catalog_of(spec).route(VEHICLE_TOPIC).device == device
    beyond = ModelSpec(name="m", topic_filter="vehicles/+/telemetry", fields=VEHICLE.fields, device_level=2)
    assert [reason.code for reason in catalog_of(beyond).route(VEHICLE_TOPIC).reasons] == ["device_name"]


def test_a_model_whose_payload_names_the_device_leaves_it_open() -> None:
    route = catalog_of().route(SENSOR_TOPIC)
    assert route.model is not None
    assert (route.model.spec.name, route.device, route.reasons) == ("sensor", None, ())


def test_the_same_topic_costs_one_search() -> None:
    catalog = catalog_of()
    assert catalog.route(VEHICLE_TOPIC) is catalog.route(bytes(bytearray(VEHICLE_TOPIC)))


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        (b"", "bad_topic"),
        (b"a\0b", "bad_topic"),
        (b"\xff", "topic_not_utf8"),
        (b"vehicles/\xed\xa0\x80/telemetry", "topic_not_utf8"),
        (b"vehicles/vehicle_01", "unknown_topic"),
        (b"vehicles/vehicle_01/telemetry/", "unknown_topic"),
        (b"Vehicles/vehicle_01/telemetry", "unknown_topic"),
        (b"$share/x/vehicles/v/telemetry", "unknown_topic"),
        (b"x" * 65_535, "unknown_topic"),
        (b"vehicles//telemetry", "device_name"),
        (b"vehicles/+/telemetry", "device_name"),
        (b"vehicles/#/telemetry", "device_name"),
        (b"vehicles/a b/telemetry", "device_name"),
        (b"vehicles/-a/telemetry", "device_name"),
        (b"vehicles/../telemetry", "device_name"),
        (b"vehicles/v\n/telemetry", "device_name"),
        ("vehicles/ü/telemetry".encode(), "device_name"),
        (b"vehicles/%s/telemetry" % (b"v" * 65), "device_name"),
    ],
)
def test_a_topic_that_leads_nowhere_says_why(topic: bytes, code: str) -> None:
    route = catalog_of().route(topic)
    (reason,) = route.reasons
    assert reason.code == code
    assert len(reason.detail) < 300
    assert route.device is None


@pytest.mark.parametrize("device", ["v", "_", "a:b.c-d_E9", "v" * 64])
def test_a_device_may_be_called_anything_that_needs_no_escape(device: str) -> None:
    assert catalog_of().route(f"vehicles/{device}/telemetry".encode()).device == device


def test_of_two_models_for_a_topic_the_first_one_counts() -> None:
    wide = ModelSpec(name="wide", topic_filter="+/vehicle_01/#", fields=VEHICLE.fields)
    for specs, name, device in (((wide, VEHICLE), "wide", None), ((VEHICLE, wide), "vehicle", "vehicle_01")):
        route = catalog_of(*specs).route(VEHICLE_TOPIC)
        assert route.model is not None
        assert route.model.spec.name == name
        assert route.device == (device or "vehicles")


def test_a_model_without_a_wildcard_names_no_device() -> None:
    spec = ModelSpec(name="lone", topic_filter="lone", fields=SENSOR.fields)
    assert [reason.code for reason in catalog_of(spec).route(b"lone").reasons] == ["device_name"]


def test_hostile_topics_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogs, "MAX_ROUTES", 10)
    catalog = Catalog([compile_model(VEHICLE, 1)])
    for number in range(100):
        catalog.route(b"%d/" % number + b"x" * 60_000)
        assert catalog.route(b"vehicles/v%d/telemetry" % number).device == f"v{number}"
    assert len(catalog._routes) <= 10
    assert sum(map(len, catalog._routes)) < 1_000
