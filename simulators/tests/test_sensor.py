"""A sensor's readings."""

import json
import random
from datetime import datetime
from statistics import mean
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.sensor import Sensor

MIDNIGHT = 1_760_054_400.0  # 2025-10-10T00:00:00Z


def readings(sensor: Sensor, start: float, step: float, count: int) -> list[dict[str, Any]]:
    return [json.loads(sensor.payload(start + turn * step, turn)) for turn in range(count)]


def test_a_reading_looks_like_the_sample() -> None:
    reading = json.loads(Sensor("sensor_001", MIDNIGHT).payload(MIDNIGHT + 0.25, 7))
    assert list(reading) == ["device_id", "timestamp", "seq", "temperature", "humidity", "distance"]
    assert reading["device_id"] == "sensor_001"
    assert reading["timestamp"] == "2025-10-10T00:00:00.250"
    assert datetime.fromisoformat(reading["timestamp"]).tzinfo is None
    assert reading["seq"] == 7


@given(st.integers(0, 2**32), st.text("abc_", min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_values_stay_within_what_the_model_allows(seed: int, name: str) -> None:
    for reading in readings(Sensor(name, MIDNIGHT, rng=random.Random(seed)), MIDNIGHT, 600, 300):
        assert -50 <= reading["temperature"] <= 150
        assert 0 <= reading["humidity"] <= 100
        assert reading["distance"] >= 0


def test_afternoons_are_warmer_and_drier_than_nights() -> None:
    sensor = Sensor("sensor_001", MIDNIGHT, rng=random.Random(5))
    days = [readings(sensor, MIDNIGHT + day * 86_400, 600, 144) for day in range(5)]
    night = [reading for day in days for reading in day[12:24]]  # 2 to 4 o'clock
    afternoon = [reading for day in days for reading in day[84:96]]  # 14 to 16 o'clock
    assert mean(r["temperature"] for r in afternoon) > mean(r["temperature"] for r in night) + 3
    assert mean(r["humidity"] for r in afternoon) < mean(r["humidity"] for r in night) - 5


def test_the_weather_goes_on_after_a_restart() -> None:
    sensor = Sensor("sensor_001", MIDNIGHT, rng=random.Random(5))
    readings(sensor, MIDNIGHT, 60, 100)
    again = Sensor("sensor_001", MIDNIGHT + 6000, sensor.state())
    assert again.weather == sensor.weather
    assert Sensor("sensor_001", MIDNIGHT, '{"profile": "vehicle"}').weather.at == MIDNIGHT
