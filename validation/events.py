"""What `validation` announces after a commit, on the channel layer's group TELEMETRY. Best effort, not the truth."""

from __future__ import annotations

from typing import Literal, TypedDict

TELEMETRY = "telemetry"
# A chart is at most some two thousand pixels wide; more points a second than this would never be seen.
POINTS_PER_SECOND = 20

Place = dict[str, float]  # a geographic point: {"lat": …, "lon": …}, in degrees
Value = float | int | str | bool | Place | None
Point = tuple[float, Value]


class StoredDevice(TypedDict):
    """What of one device was stored: times are seconds since 1970; `values` are those of the newest event time."""

    ts: float
    received_at: float
    interval_s: float | None
    values: dict[str, Value]
    points: dict[str, list[Point]]


class Stored(TypedDict):
    """Readings of one model that were stored, by device name."""

    type: Literal["telemetry.stored"]
    model: str
    at: float
    devices: dict[str, StoredDevice]
