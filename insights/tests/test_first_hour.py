"""What is found, rightly and wrongly, in the first hour of simulated devices: the figures of docs/detection.md."""

from __future__ import annotations

import json
import random

import pytest

from insights.detection.detector import Detector
from insights.detection.events import Event, begun, continued
from insights.tests.series import START
from simulators.faults import DRIFT_S, FAR
from simulators.sensor import Sensor
from simulators.vehicle import Vehicle

DEVICES, HOUR_S, FOUND_S = 8, 3_600, 60
Kind = type[Vehicle] | type[Sensor]
WATCHED: dict[Kind, tuple[str, ...]] = {
    Vehicle: ("speed", "odometer", "battery"),
    Sensor: ("temperature", "humidity", "distance"),
}
Series = dict[str, list[float]]


def sent(number: int, kind: Kind) -> Series:
    """Return what a device sends in its first hour, at 1 Hz, by field."""
    device = kind(f"device_{number:03d}", START, rng=random.Random(number))
    rows = [json.loads(device.payload(START + second, second)) for second in range(1, HOUR_S + 1)]
    return {field: [row[field] for row in rows] for field in WATCHED[kind]}


def events(values: list[float]) -> list[float]:
    """Return when events begin that a detector finds, in seconds from the first reading."""
    detector, begins = Detector(), list[float]()
    event: Event | None = None
    for second, value in enumerate(values):
        verdict = detector.step(START + second, value)
        if verdict is not None:
            longer = continued(event, verdict, detector.interval)
            if longer is None:
                begins.append(float(second))
            event = longer or begun(verdict)
    return begins


def mad(values: list[float], fault: str, after: int, far: float) -> list[float]:
    """Return the values up to a minute after a fault has begun."""
    held = values[after]
    wrong = {
        "spike": [far, *values[after + 1 : after + FOUND_S]],
        "stuck": [held] * FOUND_S,
        "drift": [round(held + second / DRIFT_S * (far - held), 2) for second in range(FOUND_S)],
    }
    return values[:after] + wrong[fault]


@pytest.fixture(scope="module")
def devices() -> list[tuple[str, Series]]:
    return [(fields[0], sent(number, kind)) for kind, fields in WATCHED.items() for number in range(DEVICES)]


def test_hardly_anything_is_found_where_nothing_is_wrong(devices: list[tuple[str, Series]]) -> None:
    wrong = sum(len(events(values)) for _, series in devices for values in series.values())
    print(f"{wrong} false events in {len(devices)} device-hours")
    assert wrong <= 4


@pytest.mark.parametrize(
    ("fault", "after", "least"),
    [("spike", 60, 13), ("spike", 120, 16), ("stuck", 60, 9), ("stuck", 120, 14), ("drift", 1_800, 14)],
)
def test_faults_are_found_within_a_minute(
    devices: list[tuple[str, Series]], fault: str, after: int, least: int
) -> None:
    found = sum(
        any(begin >= after for begin in events(mad(series[field], fault, after, FAR[field])))
        for field, series in devices
    )
    print(f"{fault} after {after} s: {found} of {len(devices)}")
    assert found >= least
