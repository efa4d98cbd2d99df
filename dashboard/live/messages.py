"""What travels over the live socket, as JSON texts in both directions. Pure.

A client sends

    {"type": "subscribe", "model": "vehicle", "devices": ["vehicle_01"] or "*", "fields": ["speed"] or "*"}

and gets one snapshot per subscription, then a frame at least every second, or every `interval_ms` milliseconds (100 to
1000) if it says so:

    {"type": "snapshot", "seq": 0, "at", "model", "fields": {"speed": {"unit", "label", "kind"}},
     "devices": [{"device_id", "status", "ts", "received_at", "expected_interval_s", "values"}]}
    {"type": "latest_data", "seq": n, "at", "model",
     "devices": [… the same, and "points": {"speed": [[ts, value], …]}]}
    {"type": "error", "code", "detail"}      the socket lives on

Times are seconds since 1970. `received_at` is when anything of the device last arrived: its status goes by that.
A frame names the devices of which something arrived or whose status changed, and may name none. A snapshot is the
whole truth; a snapshot and all frames after it are what a new snapshot would be. No message is larger than 60,000
bytes: what does not fit into a snapshot or a frame follows in the next frame at once. `seq` grows by one per frame of a
subscription. A number is left out when readings may have been missed, here or by a client that was too slow: subscribe
again, and read the history again.

Closed with: 4400 too many messages, 4401 not signed in (any more), 4408 too slow, 4413 a message is too long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal, NotRequired, TypedDict

import orjson

from validation.events import Point, Value
from validation.presence import Status

TOO_MANY: Final = 4400
NOT_SIGNED_IN: Final = 4401
TOO_SLOW: Final = 4408
TOO_LONG: Final = 4413
Closing = Literal[4400, 4401, 4408, 4413]

MAX_NAMES = 1_000  # devices, or fields, in one subscription; whoever wants more takes all with "*"
# Milliseconds between two frames. More often than ten times a second nobody sees a difference.
QUICKEST_MS, SLOWEST_MS = 100, 1000
MAX_NAME = 64  # characters; no device or field has a longer name


class Entry(TypedDict):
    """One device in a snapshot or a frame."""

    device_id: str
    status: Status
    ts: float
    received_at: float
    expected_interval_s: float
    values: dict[str, Value]
    points: NotRequired[dict[str, list[Point]]]


class FieldInfo(TypedDict):
    """One field, for labels and axes."""

    unit: str
    label: str
    kind: str


class Unreadable(ValueError):
    """A client's message says nothing that is understood: a stable code, and a sentence for people."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code, self.detail = code, detail


@dataclass(frozen=True)
class Subscription:
    """What one socket wants: a model, which of its devices and fields (None: all), and milliseconds between frames."""

    model: str
    devices: frozenset[str] | None = None
    fields: frozenset[str] | None = None
    interval_ms: int = SLOWEST_MS


def parse(text: str) -> Subscription:
    """Return what a client's message says; raise Unreadable."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable("bad_json", f"Not JSON that can be read: {error}.") from error
    if not isinstance(message, dict) or message.get("type") != "subscribe":
        raise Unreadable("unknown_type", 'Expected {"type": "subscribe", "model": …}.')
    model = message.get("model")
    if not isinstance(model, str) or not model:
        raise Unreadable("bad_model", "Name a model, as in /api/devices/status.")
    return Subscription(model, _names(message, "devices"), _names(message, "fields"), _interval(message))


def _interval(message: dict[str, Any]) -> int:
    interval = message.get("interval_ms", SLOWEST_MS)
    if type(interval) is not int or not QUICKEST_MS <= interval <= SLOWEST_MS:
        raise Unreadable("bad_interval_ms", f"interval_ms is a whole number from {QUICKEST_MS} to {SLOWEST_MS}.")
    return interval


def _names(message: dict[str, Any], key: str) -> frozenset[str] | None:
    names = message.get(key, "*")
    if names == "*":
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and len(name) <= MAX_NAME for name in names):
        raise Unreadable(f"bad_{key}", f'{key} is "*" or an array of names.')
    if len(names) > MAX_NAMES:
        raise Unreadable(f"too_many_{key}", f'{len(names)} {key}; {MAX_NAMES} are allowed. Take all with "*".')
    return frozenset(names)


def error_text(code: str, detail: str) -> str:
    """Return the text that tells a client what was wrong."""
    return orjson.dumps({"type": "error", "code": code, "detail": detail}).decode()
