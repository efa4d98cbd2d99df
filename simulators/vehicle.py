"""A simulated vehicle: speed, heading, position, odometer and battery that agree with each other."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, fields

from simulators.profiles import VEHICLE

TOP_SPEED = 120.0  # km/h
ACCELERATION = 7.2  # km/h per second, that is 2 m/s²: a brisk driver
DECELERATION = 12.6  # km/h per second, 3.5 m/s²: firm braking, tyres still silent
SPEED_NOISE = 0.4  # km/h, standard deviation of the speed sensor
TARGETS = (0.0, 30.0, 50.0, 50.0, 70.0, 100.0, 120.0)  # km/h, what a driver is likely to aim for
HOLD_S = (8.0, 40.0)  # how long a target is kept

TURN = 12.0  # degrees per second at most, when slow
SIDEWAYS = 400.0  # degrees per second times km/h: the faster, the wider the bends (about 2 m/s² sideways)
CENTRE = (52.52, 13.405)  # the middle of the map, degrees
AREA_KM = 12.0  # a vehicle that is farther out turns back
HOME_KM = 6.0  # vehicles start within this distance of the middle
EARTH_KM = 6371.0088  # mean radius; the map is a sphere
STEP_S = 1.0  # the longest step in which speed and heading are taken as straight lines
LONGEST_S = 24 * 3600.0  # a clock that jumped farther than a day is not followed

USE = 0.3  # % of the battery per km: 60 kWh last some 330 km
CHARGE = 2.0 / 60.0  # % per second: a fast charger, 72 kW
LOW, FULL = 15.0, 90.0  # %, where charging begins and ends
PARKED_S = 60.0  # a vehicle that was switched off for longer than this stands when it comes back


@dataclass(slots=True)
class Truth:
    """What is really so, before any sensor looks at it."""

    at: float  # epoch seconds
    speed: float  # km/h
    target: float  # km/h
    hold: float  # seconds until the next target
    pedal: float  # 0.4–1: how much of the possible acceleration this driver uses just now
    heading: float  # degrees, 0 is north, 90 east
    course: float  # degrees, where the driver wants to go
    latitude: float
    longitude: float
    odometer: float  # km
    battery: float  # %
    charging: bool


TRUTH = tuple(field.name for field in fields(Truth))


class Vehicle:
    """A vehicle that drives about town. `truth` is its state; `payload` is what its sensors say."""

    def __init__(self, device: str, now: float, state: str | None = None, rng: random.Random | None = None) -> None:
        """Start at a place that depends on the name alone, or go on from `state`. `now` in epoch seconds."""
        self._device = device
        self._rng = rng or random.Random()  # noqa: S311
        self.truth = restored(state, now) or new_truth(device, now)

    def payload(self, now: float, seq: int) -> bytes:
        """Drive until `now` and return the reading as JSON. Positions are rounded to a centimetre."""
        self.advance(now - self.truth.at)
        truth = self.truth
        speed = truth.speed + self._rng.gauss(0.0, SPEED_NOISE) if truth.speed else 0.0
        values = {
            "speed": round(min(TOP_SPEED, max(0.0, speed)), 2),
            "heading": round(truth.heading, 1) % 360.0,
            "latitude": round(truth.latitude, 7),
            "longitude": round(truth.longitude, 7),
            "odometer": round(truth.odometer, 4),
            "battery": round(truth.battery, 2),
        }
        return VEHICLE.payload(self._device, now, seq, values)

    def state(self) -> str:
        """Return the truth as JSON."""
        return json.dumps({"profile": "vehicle"} | {name: getattr(self.truth, name) for name in TRUTH})

    def advance(self, seconds: float) -> None:
        """Let time go on. A clock that is set back moves nothing."""
        self.truth.at += seconds
        seconds = min(max(0.0, seconds), LONGEST_S)
        steps = math.ceil(seconds / STEP_S)
        for _ in range(steps):
            self._step(seconds / steps)

    def _step(self, seconds: float) -> None:
        truth = self.truth
        self._choose_target(seconds)
        before = truth.speed
        faster = before + ACCELERATION * truth.pedal * seconds
        slower = before - DECELERATION * truth.pedal * seconds
        truth.speed = min(faster, max(slower, truth.target))
        distance = (before + truth.speed) / 2.0 * seconds / 3600.0
        if distance > 0.0:
            self._steer(seconds)
            move(truth, distance)
        elif truth.charging:
            truth.battery = min(100.0, truth.battery + CHARGE * seconds)

    def _choose_target(self, seconds: float) -> None:
        truth = self.truth
        truth.hold -= seconds
        if truth.battery < LOW:
            truth.charging, truth.target = True, 0.0
        elif truth.charging and truth.battery >= FULL:
            truth.charging, truth.hold = False, 0.0
        if truth.charging or truth.hold > 0.0:
            return
        aim = self._rng.choice(TARGETS)
        truth.target = min(TOP_SPEED, max(0.0, self._rng.gauss(aim, 4.0))) if aim else 0.0
        truth.hold = self._rng.uniform(*HOLD_S)
        truth.pedal = self._rng.uniform(0.4, 1.0)
        truth.course = (truth.heading + self._rng.gauss(0.0, 45.0)) % 360.0

    def _steer(self, seconds: float) -> None:
        truth = self.truth
        north, east = (truth.latitude - CENTRE[0]), (truth.longitude - CENTRE[1]) * math.cos(math.radians(CENTRE[0]))
        if math.hypot(north, east) * math.pi / 180.0 * EARTH_KM > AREA_KM:
            truth.course = math.degrees(math.atan2(-east, -north)) % 360.0
        most = min(TURN, SIDEWAYS / max(truth.speed, 1.0)) * seconds
        turn = (truth.course - truth.heading + 180.0) % 360.0 - 180.0
        truth.heading = (truth.heading + min(most, max(-most, turn))) % 360.0


def move(truth: Truth, distance: float) -> None:
    """Move `distance` km along the heading: the position, the odometer and the battery follow from it alone."""
    heading = math.radians(truth.heading)
    truth.latitude += math.degrees(distance * math.cos(heading) / EARTH_KM)
    circle = EARTH_KM * math.cos(math.radians(truth.latitude))
    truth.longitude += math.degrees(distance * math.sin(heading) / circle)
    truth.odometer += distance
    truth.battery = max(0.0, truth.battery - USE * distance)


def new_truth(device: str, now: float) -> Truth:
    """Return a parked vehicle somewhere near the middle of the map; the same name gives the same place."""
    rng = random.Random(device)  # noqa: S311
    truth = Truth(
        at=now, speed=0.0, target=0.0, hold=rng.uniform(0.0, 5.0), pedal=1.0,
        heading=rng.uniform(0.0, 360.0), course=0.0, latitude=CENTRE[0], longitude=CENTRE[1],
        odometer=0.0, battery=100.0, charging=False,
    )  # fmt: skip
    move(truth, rng.uniform(0.0, HOME_KM))
    truth.heading = truth.course = rng.uniform(0.0, 360.0)
    truth.odometer = rng.uniform(1_000.0, 90_000.0)
    truth.battery = rng.uniform(40.0, 100.0)
    return truth


def restored(state: str | None, now: float) -> Truth | None:
    """Read what `state()` wrote; None when there is none or it belongs to another kind of device.

    No time passes for a vehicle that is switched off. It stands when it was off for longer than a minute.
    """
    if state is None:
        return None
    known = json.loads(state)
    if known.pop("profile", None) != "vehicle" or known.keys() != set(TRUTH):
        return None
    truth = Truth(**known)
    if now - truth.at > PARKED_S:
        truth.speed = truth.target = 0.0
        truth.hold = 0.0
    truth.at = now
    return truth
