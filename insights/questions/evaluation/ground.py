"""The fixed data set of the evaluation: two weeks of three vehicles and five sensors, by formulas. Pure.

Everything ends at NOW, a Wednesday afternoon. `vehicle_03` is silent for a day, and `roof` since the last night.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

NOW = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
BEGIN = datetime(2026, 11, 4, 16, 0, tzinfo=UTC)
ZONE = "UTC"
HOUR_S = 3600.0
SILENT = (datetime(2026, 11, 16, 8, tzinfo=UTC), datetime(2026, 11, 17, 8, tzinfo=UTC))  # vehicle_03
LAST_OF_ROOF = datetime(2026, 11, 18, 2, tzinfo=UTC)
SEED = 6


@dataclass(frozen=True, slots=True)
class Sender:
    """A device of the data set; `interval_s` is the seconds between its readings."""

    name: str
    model: str
    tags: tuple[str, ...]
    interval_s: float


SENDERS = (
    Sender("vehicle_01", "vehicle", ("north",), 300.0),
    Sender("vehicle_02", "vehicle", ("north", "electric"), 300.0),
    Sender("vehicle_03", "vehicle", ("south",), 300.0),
    Sender("greenhouse", "sensor", ("indoor",), 600.0),
    Sender("cellar", "sensor", ("indoor",), 600.0),
    Sender("roof", "sensor", ("outdoor",), 600.0),
    Sender("cold_store_1", "sensor", ("food",), 600.0),
    Sender("cold_store_2", "sensor", ("food",), 600.0),
)
# Of each sensor: the mean temperature, how far a day swings it, and how much it warms in a day, in degrees Celsius.
CLIMATE = {
    "greenhouse": (23.0, 7.0, 0.0),
    "cellar": (12.0, 0.4, 0.0),
    "roof": (6.0, 8.0, -0.5),
    "cold_store_1": (4.0, 0.5, 0.0),
    "cold_store_2": (3.0, 0.5, 0.25),
}
Reading = tuple[datetime, dict[str, float]]


def readings(sender: Sender) -> Iterator[Reading]:
    """Yield the readings of a device, oldest first; the same ones always."""
    chance = random.Random(f"{SEED} {sender.name}")  # noqa: S311  # numbers that look measured, no secrets
    of = _vehicle if sender.model == "vehicle" else _sensor
    total, step = (NOW - BEGIN).total_seconds(), 0
    odometer = 10_000.0 * int(sender.name[-1]) if sender.model == "vehicle" else 0.0
    while step * sender.interval_s < total:
        after = step * sender.interval_s
        ts = datetime.fromtimestamp(BEGIN.timestamp() + after, UTC)
        values = of(sender, ts, after / 86_400, chance)
        if "speed" in values:
            odometer += values["speed"] * sender.interval_s / HOUR_S
            values["odometer"] = round(odometer, 2)
        if not _is_silent(sender, ts):
            yield ts, values
        step += 1


def _is_silent(sender: Sender, ts: datetime) -> bool:
    if sender.name == "roof":
        return ts > LAST_OF_ROOF
    return sender.name == "vehicle_03" and SILENT[0] <= ts < SILENT[1]


def _vehicle(sender: Sender, ts: datetime, days: float, chance: random.Random) -> dict[str, float]:
    """Return a vehicle that drives by day, each at its own hours, and charges at night."""
    number = int(sender.name[-1])
    hour = ts.hour + ts.minute / 60
    busy = max(0.0, math.sin(math.pi * (hour - 5 - number) / 12)) if 5 + number < hour < 17 + number else 0.0
    speed = busy * (70 + 12 * number + 10 * math.sin(days * 9)) + (chance.random() * 14 if busy else 0.0)
    used = max(0.0, hour - 5 - number) * 4.5 if hour < 20 else (24 - hour) * 16.0
    return {
        "speed": round(speed, 1),
        "heading": round(chance.random() * 359, 1),
        "battery": round(max(3.0, 98.0 - used - chance.random()), 1),
    }


def _sensor(sender: Sender, ts: datetime, days: float, chance: random.Random) -> dict[str, float]:
    mean, swing, warming = CLIMATE[sender.name]
    hour = ts.hour + ts.minute / 60
    weather = 0.15 * swing * math.sin(days * 2.1)
    temperature = mean + swing * math.sin(math.pi * (hour - 9) / 12) + weather + warming * days + chance.random() - 0.5
    values = {
        "temperature": round(temperature, 2),
        "humidity": round(min(100.0, max(5.0, 85.0 - 1.4 * temperature + 3 * chance.random())), 1),
    }
    if sender.name == "cellar":
        values["distance"] = round(180 + 12 * math.sin(days * 1.3) + chance.random(), 1)
    return values
