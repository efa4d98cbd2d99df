"""Devices that go mad: after a while, in the way that was asked for, and no other device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.broker import Broker
from simulators.faults import FAULTS, Fault, FaultySource
from simulators.live import LiveSource
from simulators.plan import PlanError, Wishes, make_plan
from simulators.profiles import VEHICLE


class Driving:
    """A profile whose speed goes up by one a reading."""

    def __init__(self) -> None:
        self.speed = -1.0

    def payload(self, now: float, seq: int) -> bytes:
        self.speed += 1.0
        return VEHICLE.payload("vehicle_01", now, seq, {"speed": self.speed, "battery": 80.0})

    def state(self) -> str:
        return "{}"


def speeds(fault: str, seconds: int = 100) -> list[float | None]:
    source = FaultySource(LiveSource(Driving(), 1.0), VEHICLE, Fault(fault, 10.0, "vehicle_01"))
    made: list[float | None] = []
    for second in range(seconds):
        payloads = source.take(float(second), 1_760_000_000.0 + second, 1).payloads
        made.append(json.loads(payloads[0])["speed"] if payloads else None)
    return made


@pytest.mark.parametrize("fault", FAULTS)
def test_nothing_is_wrong_before_its_time(fault: str) -> None:
    assert speeds(fault)[:10] == list(range(10))


def test_each_fault_is_what_its_name_says() -> None:
    assert speeds("silent")[10:] == [None] * 90
    assert speeds("stuck")[10:] == [10.0] * 90
    assert [place for place, speed in enumerate(speeds("spike")) if speed == 200.0] == list(range(10, 100, 10))
    drifting = [speed or 0.0 for speed in speeds("drift")[10:]]
    assert drifting == sorted(drifting)
    assert (drifting[0], drifting[-1]) == (10.0, 200.0)


def plan(**wishes: Any) -> Any:
    return make_plan(Wishes(**wishes), Broker("broker", 1883), Path("outbox"))


def test_the_first_device_goes_mad_unless_another_is_named() -> None:
    assert plan(fault="stuck").fault == Fault("stuck", 120.0, "vehicle_01")
    assert plan(fault="drift", fault_after=5.0, fault_device="vehicle_07").fault == Fault("drift", 5.0, "vehicle_07")


def test_a_fault_that_no_device_can_have_is_refused() -> None:
    for wishes in ({"fault": "stuck", "fault_device": "nobody"}, {"fault_after": 5.0}, {"fault_device": "vehicle_01"}):
        with pytest.raises(PlanError):
            plan(**wishes)
