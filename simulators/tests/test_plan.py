"""What follows from the command line."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from simulators.broker import Broker
from simulators.plan import Plan, PlanError, Wishes, make_plan
from simulators.profiles import SENSOR, VEHICLE


@pytest.fixture
def series(tmp_path: Path) -> Path:
    path = tmp_path / "series.csv"
    path.write_text("timestamp,value\n2015-09-08 11:39:00,73\n2015-09-08 11:44:00,62\n")
    return path


def plan(**wishes: Any) -> Plan:
    return make_plan(Wishes(**wishes), Broker("broker", 1883), Path("outbox"))


def test_ten_vehicles_with_two_digits_are_what_one_gets_without_a_wish() -> None:
    made = plan()
    assert made.names == [f"vehicle_{number:02d}" for number in range(1, 11)]
    assert (made.kind, made.rate, made.duration) == (VEHICLE, 1.0, None)


def test_names_have_as_many_digits_as_the_last_one_needs() -> None:
    assert plan(devices=99).names[-1] == "vehicle_99"
    assert plan(devices=100).names[0] == "vehicle_001"
    assert plan(devices=1000).names[0] == "vehicle_0001"
    assert plan(profile="sensor", devices=3).names == ["sensor_001", "sensor_002", "sensor_003"]
    assert plan(profile="sensor").kind is SENSOR


def test_only_runs_one_device_alone() -> None:
    assert plan(only="vehicle_03").names == ["vehicle_03"]


def test_a_replay_takes_kind_and_topic_from_its_field(series: Path) -> None:
    made = plan(profile="replay", file=series, field="speed", only="road_1")
    assert (made.kind, made.names) == (VEHICLE, ["road_1"])
    assert made.recording is not None
    assert made.recording.shift == 0
    assert plan(profile="replay", file=series, field="humidity", only="x").kind is SENSOR


def test_shift_moves_the_last_row_to_now(series: Path) -> None:
    made = plan(profile="replay", file=series, field="speed", only="road_1", shift=True)
    assert made.recording is not None
    assert abs(made.recording.points[-1].at + made.recording.shift - time.time()) < 5


@pytest.mark.parametrize(
    ("wishes", "complaint"),
    [
        ({"only": "vehicle/03"}, "letters, digits"),
        ({"only": ""}, "letters, digits"),
        ({"only": "x" * 65}, "letters, digits"),
        ({"only": "x", "devices": 2}, "--only"),
        ({"file": Path("x")}, "--file belongs to --profile replay"),
        ({"field": "speed"}, "--field belongs to --profile replay"),
        ({"speedup": 2.0}, "--speedup belongs to --profile replay"),
        ({"shift": True}, "--shift belongs to --profile replay"),
        ({"profile": "replay", "file": Path("x"), "field": "speed"}, "needs --file, --field and --only"),
        ({"profile": "replay", "file": Path("x"), "field": "speed", "only": "x", "rate": 1.0}, "--speedup"),
        ({"profile": "replay", "file": Path("x"), "field": "occupancy", "only": "x"}, "no device has a field"),
    ],
)
def test_wishes_that_contradict_each_other_are_refused(wishes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(PlanError, match=complaint):
        plan(**wishes)
