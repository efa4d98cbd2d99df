"""The devices routes: how devices are, their newest readings, their history."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from dashboard.api.times import parse_duration, parse_moment
from dashboard.tests.test_api_access import assert_error
from ingest.models import Device
from validation import selectors
from validation.rollups.running import Roller
from validation.tests.stored import instant, publish_model, roll_up, store

NOW = float(int(time.time()))


def history(client: Client, device: str = "van_1", **query: object) -> Any:
    response = client.get(f"/api/devices/{device}/history", {name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.content
    return response.json()


def test_the_status_follows_the_rule(as_charlie: Client) -> None:
    spec = publish_model()
    now = float(int(time.time()))
    for name, ago in (("a", 1), ("b", 20), ("c", 60)):
        store(spec, name, [(now - ago, {"speed": 1.0})])
    Device.objects.update(expected_interval_s=2)
    Device.objects.create(name="d")
    rows = as_charlie.get("/api/devices/status").json()
    assert [(row["device_id"], row["status"], row["expected_interval_s"], row["model"]) for row in rows] == [
        ("a", "online", 2, "van"),
        ("b", "late", 2, "van"),
        ("c", "offline", 2, "van"),
        ("d", "offline", 10, None),
    ]
    assert datetime.fromisoformat(rows[0]["last_seen"]).timestamp() == now - 1
    assert rows[3]["last_seen"] is None


def test_a_reading_from_long_ago_that_arrives_now_makes_a_device_online(as_charlie: Client) -> None:
    store(publish_model(), "a", [(NOW - 86_400, {"speed": 1.0})], seen=time.time())
    (row,) = as_charlie.get("/api/devices/status").json()
    assert row["status"] == "online"


def test_the_latest_reading_is_the_newest_by_event_time(as_charlie: Client) -> None:
    spec = publish_model()
    store(spec, "van_1", [(NOW - 5, {"speed": 50.1, "driver": "Zoë"}), (NOW - 9, {"speed": 1.0})], seen=NOW)
    assert as_charlie.get("/api/devices/van_1/latest").json() == {
        "device_id": "van_1",
        "model": "van",
        "ts": instant(NOW - 5).isoformat().replace("+00:00", "Z"),
        "received_at": instant(NOW).isoformat().replace("+00:00", "Z"),
        "values": {"speed": 50.1, "driver": "Zoë"},
    }


def test_a_device_with_two_models_can_be_asked_for_either(as_charlie: Client) -> None:
    store(publish_model(), "x", [(NOW, {"speed": 1.0})])
    store(publish_model("room", ({"name": "warmth"},)), "x", [(NOW - 1, {"warmth": 20.0})])
    assert as_charlie.get("/api/devices/x/latest").json()["model"] == "van"
    assert as_charlie.get("/api/devices/x/latest?model=room").json()["values"] == {"warmth": 20.0}
    assert history(as_charlie, "x")["field"] == "speed"
    assert history(as_charlie, "x", field="warmth")["points"] == [[NOW - 1, 20.0]]
    assert history(as_charlie, "x", model="room")["points"] == [[NOW - 1, 20.0]]


def test_a_history_is_exactly_what_was_stored(as_charlie: Client) -> None:
    readings = [(NOW - 300_000 + 300 * n + 0.123456, {"speed": n * 0.1}) for n in range(1_127)]
    store(publish_model(), "van_1", readings)
    answer = history(as_charlie, start=readings[0][0], end=readings[-1][0])
    assert answer["points"] == [[ts, values["speed"]] for ts, values in readings]
    assert {key: answer[key] for key in ("device_id", "model", "field", "unit", "resolution", "source")} == {
        "device_id": "van_1",
        "model": "van",
        "field": "speed",
        "unit": "km/h",
        "resolution": "raw",
        "source": "raw",
    }
    times = {"start": instant(readings[0][0]).isoformat(), "end": instant(readings[-1][0]).isoformat()}
    assert history(as_charlie, **times)["points"] == answer["points"]


def test_a_history_is_that_of_the_last_five_minutes_unless_it_says_otherwise(as_charlie: Client) -> None:
    now = time.time() + 20  # in the middle of a minute between two points, so that a slow machine has time
    store(publish_model(), "van_1", [(now - 60 * n, {"speed": float(n)}) for n in range(20)])
    assert [value for _, value in history(as_charlie)["points"]] == [5, 4, 3, 2, 1]
    assert len(history(as_charlie, duration="10m")["points"]) == 10
    assert len(history(as_charlie, duration="1h")["points"]) == 19
    assert len(history(as_charlie, duration="3m", end=now - 600)["points"]) == 4
    assert len(history(as_charlie, duration="3m", start=now - 600)["points"]) == 4
    assert history(as_charlie, start=now + 60)["points"] == []


@pytest.mark.parametrize(
    ("field", "value"), [("gear", 3), ("braking", False), ("driver", "Zoë"), ("serviced_at", 915148800.0)]
)
def test_a_history_can_be_that_of_any_kind_of_field(field: str, value: Any, as_charlie: Client) -> None:
    kept = instant(value) if field == "serviced_at" else value
    store(publish_model(), "van_1", [(NOW - 2, {"speed": 1.0, field: kept}), (NOW - 1, {"speed": 1.0})])
    assert history(as_charlie, field=field)["points"] == [[NOW - 2, value]]


def test_more_points_than_asked_for_are_thinned_and_peaks_survive(as_charlie: Client) -> None:
    first = float(int(time.time())) - 245
    store(publish_model(), "van_1", [(first + n, {"speed": 99.0 if n == 123 else 1.0}) for n in range(240)])
    answer = history(as_charlie, points=20)
    assert 18 <= len(answer["points"]) <= 20  # 18 for the shape, and the extremes where they are not among them
    assert answer["resolution"] == f"1 of {240 / len(answer['points']):.3g}"
    assert [first + 123, 99.0] in answer["points"]
    assert answer["points"] == sorted(answer["points"])
    assert len(history(as_charlie, points=1)["points"]) == 1


def test_a_history_of_a_long_time_comes_from_rollups_and_says_so(as_charlie: Client) -> None:
    midnight = NOW // 86_400 * 86_400
    readings = [(midnight - 86_400 * days + 60 * n, {"speed": n}) for days in (40, 20) for n in range(4)]
    Device.objects.create(name="van_1", expected_interval_s=1)  # so that many readings are to be expected
    store(publish_model(), "van_1", readings)
    while Roller().run(10, patient=False):
        pass
    answer = history(as_charlie, duration="50d", end=midnight, points=100)
    assert (answer["source"], answer["resolution"]) == ("1d", "1d")
    assert answer["points"] == [[midnight - 86_400 * days, 1.5, 0, 3, 4] for days in (40, 20)]


NONSENSE = [
    ("nobody/latest", 404, "unknown_device", "van_1"),
    ("nobody/history", 404, "unknown_device", "van_1"),
    ("a%00b/history", 404, "unknown_device", "van_1"),
    ("%22%3B%20drop/history", 404, "unknown_device", "van_1"),
    ("silent/latest", 404, "no_reading", "silent"),
    ("silent/history", 404, "no_reading", "silent"),
    ("van_1/latest?model=room", 404, "no_reading", "room"),
    ("van_1/latest?model=boat", 400, "unknown_model", "room, van"),
    ("van_1/history?model=boat", 400, "unknown_model", "room, van"),
    ("van_1/history?field=sped", 400, "unknown_field", "speed, gear"),
    ("van_1/history?field=ts", 400, "unknown_field", "speed, gear"),
    ("van_1/history?field=speed%22%20--", 400, "unknown_field", "speed, gear"),
    ("van_1/history?field=%00", 400, "null_characters_not_allowed", "Null"),
    ("van_1/history?duration=5x", 400, "duration", "90s"),
    ("van_1/history?duration=0", 400, "duration", "90s"),
    ("van_1/history?start=yesterday", 400, "moment", "ISO 8601"),
    ("van_1/history?start=1e400", 400, "moment", "ISO 8601"),
    ("van_1/history?start=-99999999999999", 400, "moment", "ISO 8601"),
    ("van_1/history?start=-99999999999", 400, "moment", "ISO 8601"),
    ("van_1/history?start=1&end=2&duration=5m", 400, "span", "at most two"),
    ("van_1/history?start=2&end=1", 400, "span", "after"),
    ("van_1/history?points=0", 400, "min_value", "1"),
    ("van_1/history?points=50001", 400, "max_value", "50000"),
    ("van_1/history?points=many", 400, "invalid", "integer"),
]


def test_a_question_that_makes_no_sense_is_answered_with_what_would(as_charlie: Client) -> None:
    store(publish_model(), "van_1", [(NOW, {"speed": 1.0})])
    publish_model("room", ({"name": "warmth"},))
    Device.objects.create(name="silent")
    for path, status, code, word in NONSENSE:
        error = assert_error(as_charlie.get(f"/api/devices/{path}"), status, code)
        assert word in error["detail"], path


def test_the_longest_spans_are_no_error(as_charlie: Client) -> None:
    store(publish_model(), "van_1", [(NOW - 1, {"speed": 1.0})])
    roll_up()
    assert len(history(as_charlie, duration="36600d")["points"]) == 1
    assert history(as_charlie, duration="36600d", end="0001-01-02T00:00:00")["points"] == []
    assert len(history(as_charlie, duration="36600d", start=NOW - 5)["points"]) == 1


def test_a_read_that_is_too_slow_says_so(as_charlie: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, code in ((selectors.TooSlow("10 s"), "too_slow"), (OperationalError("gone"), "unavailable")):
        monkeypatch.setattr(selectors, "presences", raising(error))
        as_charlie.raise_request_exception = False
        response = as_charlie.get("/api/devices/status")
        assert "gone" not in assert_error(response, 503, code)["detail"]
        assert response["Retry-After"] == "2"


def raising(error: Exception) -> Any:
    def fail(*args: object) -> None:
        raise error

    return fail


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("5m", 300), ("1.5h", 5400), ("7d", 604_800), ("2w", 1_209_600), ("42", 42)]
)
def test_lengths_of_time_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["", "m", "-5m", "5 m", "1e3", "5mm", "٥m", "99999999999d", "nan"])
def test_what_is_no_length_of_time_is_none(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    "text",
    ["1772366400", "1772366400.0", "2026-03-01T12:00:00Z", "2026-03-01 12:00", "2026-03-01T14:00:00+02:00",
     "2026-03-01T14:00:00 02:00"],
)  # fmt: skip
def test_moments_are_read(text: str) -> None:
    assert parse_moment(text) == instant(1772366400)
