"""Series that tests feed to a detector."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable

from insights.detection.detector import Detector
from insights.detection.verdict import Verdict

START = 1_795_219_200.0  # 2026-11-21 00:00 UTC
FIVE_MINUTES = 300.0
DAY_READINGS = 288


def fed(
    detector: Detector, values: Iterable[float], every: float = FIVE_MINUTES, start: float = START
) -> list[Verdict]:
    """Return what a detector finds in values that come at a steady pace."""
    verdicts = (detector.step(start + place * every, value) for place, value in enumerate(values))
    return [verdict for verdict in verdicts if verdict is not None]


def noise(readings: int, level: float = 20.0, spread: float = 1.0, seed: int = 1) -> list[float]:
    """Return values that scatter about a level."""
    chance = random.Random(seed)
    return [chance.gauss(level, spread) for _ in range(readings)]


def days(count: int, seed: int = 1) -> list[float]:
    """Return days of 288 readings, busy from nine to six, as a site or a street is."""
    scatter = noise(count * DAY_READINGS, 0.0, 1.0, seed)
    hours = ((place % DAY_READINGS) / 12.0 for place in range(count * DAY_READINGS))
    return [20.0 + (60.0 if 9.0 <= hour < 18.0 else 0.0) + off for hour, off in zip(hours, scatter, strict=True)]


def drive(seconds: int, seed: int = 1) -> list[float]:
    """Return the speed of a vehicle at 1 Hz, in km/h: it changes between a few targets, and stands at times."""
    chance = random.Random(seed)
    speed, target, left, values = 0.0, 0.0, 0, []
    for _ in range(seconds):
        if left == 0:
            target, left = chance.choice((0.0, 30.0, 50.0, 70.0, 100.0)), chance.randint(10, 40)
        left -= 1
        speed += math.copysign(min(7.0, abs(target - speed)), target - speed)
        values.append(round(max(0.0, speed + chance.gauss(0.0, 0.4)), 2) if speed else 0.0)
    return values
