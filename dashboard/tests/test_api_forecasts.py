"""Forecasts and correlations over the API."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from django.test import Client

from validation.tests.stored import publish_model, roll_up, store

FIELDS = ({"name": "battery", "unit": "%", "minimum": 0, "maximum": 100}, {"name": "driver", "kind": "text"})


def drained() -> None:
    """Store ten hours of a battery that loses 5 % an hour and has 37 left now."""
    now = time.time()
    readings = [
        (now - 36_000 + 60 * place, {"battery": 87 - 5 * place / 60 + 0.05 * math.sin(place * 7), "driver": "Zoë"})
        for place in range(600)
    ]
    store(publish_model("bike", FIELDS), "bike_1", readings)
    roll_up()


def ask(client: Client, path: str, **query: str | int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(path, query).json()
    return found


def test_a_battery_that_drains_is_forecast_with_the_time_to_its_limit(as_charlie: Client) -> None:
    drained()
    found = ask(as_charlie, "/api/v1/forecast", field="bike.battery", device="bike_1", horizon="4h", limit=20)
    begin, expected, low, high = found["points"][-1]
    assert low <= expected <= high
    assert expected == pytest.approx(17, abs=2)
    assert begin > time.time() + 3.8 * 3600
    reached = found["limit"]
    assert reached["earliest"] <= reached["expected"]
    assert reached["sentence"].startswith(("Below 20 in about 3.5 hours: in", "Below 20 in about 3 hours: in"))
    assert found["back_test"]["nominal"] == 0.9
    assert found["back_test"]["coverage"] is None or found["back_test"]["coverage"] > 0.7
    assert (
        "Not within 1 hour"
        in ask(as_charlie, "/api/v1/forecast", field="bike.battery", device="bike_1", horizon="1h", limit=20)["limit"][
            "sentence"
        ]
    )


@pytest.mark.parametrize(
    ("query", "attr", "code"),
    [
        ({"field": "bike.battery"}, "device", "required"),
        ({"field": "bike.battery", "device": "ghost"}, "device", "unknown_device"),
        ({"field": "bike.driver", "device": "bike_1"}, "field", "no_number"),
        ({"field": "bike.battery", "device": "bike_1", "horizon": "30d"}, "horizon", "too_little_data"),
        ({"field": "bike.battery", "device": "bike_1", "horizon": "100w"}, "horizon", "horizon"),
    ],
)
def test_what_cannot_be_forecast_is_told(as_charlie: Client, query: dict[str, str], attr: str, code: str) -> None:
    drained()
    error = ask(as_charlie, "/api/v1/forecast", **query)["errors"][0]
    assert (error["attr"], error["code"]) == (attr, code)


def weather() -> None:
    """Store a day of rain, and of vehicles that get slower ten minutes after it began."""
    now = time.time() // 60 * 60
    wet = [1.0 if math.sin(place * place / 900) > 0.3 else 0.0 for place in range(1_440)]
    speeds = [80 - 20 * wet[max(0, place - 10)] + place % 5 for place in range(1_440)]
    at = [now - 86_400 + 60 * place for place in range(1_440)]
    rain = publish_model("weather", ({"name": "rain", "unit": "mm/h"},))
    store(rain, "roof", [(ts, {"rain": value}) for ts, value in zip(at, wet, strict=True)])
    store(publish_model(), "van_1", [(ts, {"speed": value}) for ts, value in zip(at, speeds, strict=True)])
    roll_up()


def test_rain_slows_vehicles_down_ten_minutes_later(as_charlie: Client) -> None:
    weather()
    found = ask(
        as_charlie,
        "/api/v1/correlation",
        a="weather.rain",
        b="van.speed",
        device_b="van_1",
        duration="24h",
        max_lag="30m",
    )
    assert found["lag_s"] == 600
    assert found["r"] < -0.9
    assert found["low"] < found["r"] < found["high"]
    assert found["worth"] <= found["pairs"]
    assert found["is_more_than_chance"]
    assert "rain 10 minutes ahead of Speed" in found["sentence"]
    assert "does not say that one causes the other" in found["caution"]
    assert found["query"]["sql"].count("SELECT") >= 2


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({"a": "van.speed", "b": "boat.speed"}, "b"),
        ({"a": "van.speed", "b": "weather.rain", "device_a": "ghost"}, "device_a"),
        ({"a": "van.speed", "b": "weather.rain", "duration": "5s"}, "duration"),
        ({"a": "van.driver", "b": "weather.rain"}, "a"),
    ],
)
def test_what_cannot_be_correlated_is_told(as_charlie: Client, query: dict[str, str], attr: str) -> None:
    weather()
    assert ask(as_charlie, "/api/v1/correlation", **query)["errors"][0]["attr"] == attr
