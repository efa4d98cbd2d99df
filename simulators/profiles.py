"""What kinds of devices there are: their names, topics and payloads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

# Made once, because json.dumps makes a new one for every call that wants anything but the defaults.
ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
DEVICE_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Profile(Protocol):
    """A device that measures something."""

    def payload(self, now: float, seq: int) -> bytes:
        """Return the reading at `now` (epoch seconds) as JSON. Time goes on between two calls, as the clock says."""

    def state(self) -> str:
        """Return, as JSON, what the device must know to go on after a restart."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What the devices of one kind have in common."""

    name: str
    topic: str  # with {device}
    digits: int  # in a device's name, at least
    fields: tuple[str, ...]
    iso: bool  # times as ISO 8601 in UTC without zone, and the device's name in the payload; else epoch seconds

    def device_names(self, count: int) -> list[str]:
        """Return `vehicle_01`, `vehicle_02` …; all have as many digits as the last one needs."""
        digits = max(self.digits, len(str(count)))
        return [f"{self.name}_{number:0{digits}d}" for number in range(1, count + 1)]

    def payload(self, device: str, at: float, seq: int, values: Mapping[str, float]) -> bytes:
        """Return one reading as a JSON object; `at` in epoch seconds, kept to the millisecond."""
        if self.iso:
            moment = datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
            head: dict[str, str | float] = {"device_id": device, "timestamp": moment, "seq": seq}
        else:
            head = {"timestamp": round(at, 3), "seq": seq}
        return ENCODER.encode(head | dict(values)).encode()


VEHICLE = Kind(
    name="vehicle",
    topic="vehicles/{device}/telemetry",
    digits=2,
    fields=("speed", "heading", "latitude", "longitude", "odometer", "battery"),
    iso=False,
)
SENSOR = Kind(
    name="sensor",
    topic="sensors/{device}/telemetry",
    digits=3,
    fields=("temperature", "humidity", "distance"),
    iso=True,
)
KINDS = {kind.name: kind for kind in (VEHICLE, SENSOR)}


def kind_of_field(field: str) -> Kind | None:
    """Return the kind of device that has a field of this name."""
    return next((kind for kind in KINDS.values() if field in kind.fields), None)
