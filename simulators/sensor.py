"""A simulated climate sensor with a distance meter: a daily rhythm, slow drift and noise."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass

from simulators.profiles import SENSOR

DAY_S = 86_400.0
WARMEST_S = 15 * 3600.0  # of the UTC day
SWING = 4.0  # °C between the daily mean and the warmest moment
DRIFT, DRIFT_S = 0.8, 3600.0  # weather: standard deviation in °C, and how fast it forgets
HUMIDITY_PER_DEGREE = -2.2  # % relative humidity for each °C more: the same water in warmer air
TANK_CM, TANK_SWING_CM, TANK_S = 120.0, 60.0, 6 * 3600.0  # distance to the surface of a tank that fills and empties
NOISE = {"temperature": 0.1, "humidity": 0.6, "distance": 0.4}  # standard deviation of each sensor


@dataclass(slots=True)
class Weather:
    """What changes slowly and is remembered over a restart."""

    at: float  # epoch seconds
    drift: float  # °C


class Sensor:
    """A sensor in a room of its own; its name alone decides how warm and damp that is on average."""

    def __init__(self, device: str, now: float, state: str | None = None, rng: random.Random | None = None) -> None:
        """Begin at `now` (epoch seconds), or go on from `state`."""
        self._device = device
        self._rng = rng or random.Random()  # noqa: S311
        place = random.Random(device)  # noqa: S311
        self._mean = place.uniform(19.0, 24.0)  # °C
        self._humidity = place.uniform(45.0, 60.0)  # % at that temperature
        self._phase = place.uniform(0.0, TANK_S)
        self.weather = restored(state) or Weather(now, self._rng.gauss(0.0, DRIFT))

    def payload(self, now: float, seq: int) -> bytes:
        """Return the reading at `now` as JSON."""
        return SENSOR.payload(self._device, now, seq, self._values(now))

    def state(self) -> str:
        """Return the weather as JSON."""
        return json.dumps({"profile": "sensor", "at": self.weather.at, "drift": self.weather.drift})

    def _values(self, now: float) -> dict[str, float]:
        self._let_drift(now)
        warmth = SWING * math.cos(2.0 * math.pi * (now % DAY_S - WARMEST_S) / DAY_S) + self.weather.drift
        true = {
            "temperature": self._mean + warmth,
            "humidity": self._humidity + HUMIDITY_PER_DEGREE * warmth,
            "distance": TANK_CM + TANK_SWING_CM * math.sin(2.0 * math.pi * (now + self._phase) / TANK_S),
        }
        noisy = {name: value + self._rng.gauss(0.0, NOISE[name]) for name, value in true.items()}
        noisy["humidity"] = min(100.0, max(0.0, noisy["humidity"]))
        noisy["distance"] = max(0.0, noisy["distance"])
        return {name: round(value, 2) for name, value in noisy.items()}

    def _let_drift(self, now: float) -> None:
        """Move the drift on; the longer the pause, the less of the old value is left."""
        kept = math.exp(-max(0.0, now - self.weather.at) / DRIFT_S)
        spread = DRIFT * math.sqrt(1.0 - kept * kept)
        self.weather = Weather(now, self.weather.drift * kept + self._rng.gauss(0.0, spread))


def restored(state: str | None) -> Weather | None:
    """Read what `state()` wrote; None when there is none or it belongs to another kind of device."""
    fields = json.loads(state) if state is not None else {}
    return Weather(**fields) if fields.pop("profile", None) == "sensor" else None
