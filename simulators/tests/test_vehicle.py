"""A vehicle's readings agree with each other."""

import json
import math
import random
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.vehicle import ACCELERATION, DECELERATION, EARTH_KM, LOW, SPEED_NOISE, TOP_SPEED, Vehicle

START = 1_760_000_000.0

seeds = st.integers(0, 2**32)
steps = st.sampled_from([0.1, 0.2, 1.0])


def drive(seed: int, step: float, count: int, vehicle: Vehicle | None = None) -> list[dict[str, Any]]:
    vehicle = vehicle or Vehicle("vehicle_01", START, rng=random.Random(seed))
    at = vehicle.truth.at
    return [json.loads(vehicle.payload(at + step * turn, turn)) for turn in range(1, count + 1)]


def distance(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Great-circle distance in km between two readings."""
    lat1, lat2 = math.radians(one["latitude"]), math.radians(other["latitude"])
    half = math.radians(other["longitude"] - one["longitude"]) / 2
    across = math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin(half) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(across))


def bearing(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Direction in degrees from one reading's position to the other's."""
    lat1, lat2 = math.radians(one["latitude"]), math.radians(other["latitude"])
    apart = math.radians(other["longitude"] - one["longitude"])
    east = math.sin(apart) * math.cos(lat2)
    north = math.cos(lat1) * math.sin(lat2) - math.sin(lat1) * math.cos(lat2) * math.cos(apart)
    return math.degrees(math.atan2(east, north)) % 360


@given(seeds, steps)
@settings(max_examples=25, deadline=None)
def test_the_odometer_counts_the_distance_between_the_positions(seed: int, step: float) -> None:
    readings = drive(seed, step, 300)
    travelled = sum(distance(one, other) for one, other in pairwise(readings))
    counted = readings[-1]["odometer"] - readings[0]["odometer"]
    # Positions are rounded to a centimetre: at most 1.6 cm for each leg.
    assert abs(travelled - counted) < 300 * 1.6e-5 + 2e-4


@given(seeds, steps)
@settings(max_examples=25, deadline=None)
def test_the_speed_is_what_the_odometer_gains_in_the_time(seed: int, step: float) -> None:
    for one, other in pairwise(drive(seed, step, 200)):
        gained = (other["odometer"] - one["odometer"]) / (other["timestamp"] - one["timestamp"]) * 3600
        mean = (one["speed"] + other["speed"]) / 2
        rounding = 1e-4 / step * 3600 + gained * 1e-3 / step
        # The true speed may bend within the step when the vehicle reaches its target.
        bend = DECELERATION * step / 2
        assert abs(gained - mean) < 6 * SPEED_NOISE + rounding + bend


@given(seeds)
@settings(max_examples=25, deadline=None)
def test_the_vehicle_moves_where_it_heads(seed: int) -> None:
    for one, other in pairwise(drive(seed, 1.0, 200)):
        if distance(one, other) > 0.003:
            off = (bearing(one, other) - other["heading"] + 180) % 360 - 180
            assert abs(off) < 0.5


@given(seeds, steps)
@settings(max_examples=25, deadline=None)
def test_speed_stays_within_0_and_120_and_within_the_limits_of_acceleration(seed: int, step: float) -> None:
    vehicle = Vehicle("vehicle_01", START, rng=random.Random(seed))
    before = vehicle.truth.speed
    for turn in range(1, 600):
        reading = json.loads(vehicle.payload(START + turn * step, turn))
        assert 0 <= reading["speed"] <= TOP_SPEED
        assert 0 <= reading["heading"] < 360
        change = vehicle.truth.speed - before
        # The clock's own rounding of 1.7e9 seconds leaves a millionth of a second.
        assert -DECELERATION * step - 1e-4 <= change <= ACCELERATION * step + 1e-4
        before = vehicle.truth.speed


@given(seeds)
@settings(max_examples=15, deadline=None)
def test_the_battery_falls_with_the_distance_and_rises_only_while_the_vehicle_stands(seed: int) -> None:
    vehicle = Vehicle("vehicle_01", START, rng=random.Random(seed))
    vehicle.truth.battery = LOW + 0.5
    charged = False
    for one, other in pairwise(drive(seed, 1.0, 1500, vehicle)):
        if other["battery"] > one["battery"]:
            charged = True
            assert other["odometer"] == one["odometer"]
            assert other["speed"] == 0
        else:
            used = (other["odometer"] - one["odometer"]) * 0.3
            assert abs(one["battery"] - other["battery"] - used) < 0.011
    assert charged
    assert vehicle.truth.battery > LOW - 1


def test_a_vehicle_reaches_many_speeds_and_stays_in_its_area() -> None:
    readings = drive(7, 1.0, 4 * 3600)
    speeds = [reading["speed"] for reading in readings]
    assert min(speeds) == 0
    assert max(speeds) > 100
    assert len({round(speed / 10) for speed in speeds}) > 10
    middle = {"latitude": 52.52, "longitude": 13.405}
    assert max(distance(middle, reading) for reading in readings) < 15


def test_a_standing_vehicle_reads_exactly_zero() -> None:
    vehicle = Vehicle("vehicle_01", START)
    vehicle.truth.hold = 1e9
    assert {reading["speed"] for reading in drive(1, 1.0, 50, vehicle)} == {0.0}


def test_a_vehicle_goes_on_after_a_restart_from_where_it_was() -> None:
    vehicle = Vehicle("vehicle_01", START, rng=random.Random(3))
    drive(3, 1.0, 100, vehicle)
    before = vehicle.truth
    again = Vehicle("vehicle_01", before.at + 5, vehicle.state())
    assert again.truth.speed == before.speed
    first = json.loads(again.payload(again.truth.at, 1))
    assert first["odometer"] == round(before.odometer, 4)
    assert first["battery"] == round(before.battery, 2)
    assert first["latitude"] == round(before.latitude, 7)


def test_a_vehicle_that_was_off_for_long_stands_when_it_comes_back() -> None:
    vehicle = Vehicle("vehicle_01", START, rng=random.Random(3))
    drive(3, 1.0, 100, vehicle)
    again = Vehicle("vehicle_01", vehicle.truth.at + 3600, vehicle.state())
    assert again.truth.speed == 0
    assert again.truth.odometer == vehicle.truth.odometer


def test_the_name_alone_decides_where_a_new_vehicle_stands() -> None:
    places = {name: Vehicle(name, START).truth for name in ("vehicle_01", "vehicle_02")}
    assert places["vehicle_01"] == Vehicle("vehicle_01", START).truth
    assert places["vehicle_01"].latitude != places["vehicle_02"].latitude


def test_what_another_kind_of_device_remembered_is_not_taken_over() -> None:
    fresh = Vehicle("x", START).truth
    assert Vehicle("x", START, '{"profile": "sensor", "at": 1.0, "drift": 0.2}').truth == fresh
    assert Vehicle("x", START, '{"profile": "vehicle", "speed": 3}').truth == fresh


def test_a_clock_that_is_set_back_moves_nothing() -> None:
    vehicle = Vehicle("vehicle_01", START, rng=random.Random(3))
    drive(3, 1.0, 100, vehicle)
    before = vehicle.truth.odometer
    vehicle.payload(vehicle.truth.at - 50, 1)
    assert vehicle.truth.odometer == before
    vehicle.payload(vehicle.truth.at + 60, 2)
    assert vehicle.truth.odometer > before
