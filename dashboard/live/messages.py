"""What travels over the live socket, as JSON texts in both directions. Pure.

A client sends

    {"type": "subscribe", "model": "vehicle", "devices": ["vehicle_01"] or "*", "fields": ["speed"] or "*"}
    {"type": "ack", "seq": n}       optional: from the first one on, at most ACK_WINDOW frames go out unacknowledged

and gets one snapshot per subscription, then a frame at least every second:

    {"type": "snapshot", "seq": 0, "at", "model", "fields": {"speed": {"unit", "label", "kind"}},
     "devices": [{"device_id", "status", "ts", "received_at", "expected_interval_s", "values"}]}
    {"type": "latest_data", "seq": n, "at", "model",
     "devices": [… the same, and "points": {"speed": [[ts, value], …]}]}
    {"type": "error", "code", "detail"}      the socket lives on

Times are seconds since 1970. `received_at` is when anything of the device last arrived: its status goes by that.
A frame names the devices of which something arrived or whose status changed, and may name none. A snapshot is the
whole truth; a snapshot and all frames after it are what a new snapshot would be. No message is larger than MAX_TEXT:
what does not fit into a snapshot or a frame follows in the next frame at once. `seq` grows by one per frame of a
subscription. A number is left out when readings may have been missed on the way here: subscribe again, and read the
history again.

Closed with: 4400 too many messages, 4401 not signed in (any more), 4408 too slow, 4413 a message is too long.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple, NotRequired, TypedDict

import orjson

from validation.events import POINTS_PER_SECOND, Point, Value
from validation.presence import Status

TOO_MANY: Final = 4400
NOT_SIGNED_IN: Final = 4401
TOO_SLOW: Final = 4408
TOO_LONG: Final = 4413
Closing = Literal[4400, 4401, 4408, 4413]

MAX_NAMES = 1_000  # devices, or fields, in one subscription; whoever wants more takes all with "*"
MAX_NAME = 64  # characters; no device or field has a longer name
# Bytes of one message. A limit that a server sets for what comes in (Daphne: --websocket-max-message-size) holds for what
# goes out as well, and 64 KiB is a sensible one.
MAX_TEXT = 60_000
HEAD_ROOM = 10_000  # of these, for what stands before the devices: a snapshot's fields are some hundred bytes each
# Points of one field and device in one frame: half a minute's worth when a backlog comes in. Pages re-read longer ones.
MAX_POINTS = 600


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
    """What one socket wants: a model, and which of its devices and fields (None: all)."""

    model: str
    devices: frozenset[str] | None = None
    fields: frozenset[str] | None = None


@dataclass(frozen=True)
class Ack:
    """A client has worked through all frames up to this one."""

    seq: int


def parse(text: str) -> Subscription | Ack:
    """Return what a client's message says; raise Unreadable."""
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Unreadable("bad_json", f"Not JSON that can be read: {error}.") from error
    kind = message.get("type") if isinstance(message, dict) else None
    if kind == "subscribe":
        return _subscription(message)
    if kind == "ack":
        return Ack(_number(message.get("seq")))
    raise Unreadable("unknown_type", 'Expected {"type": "subscribe", …} or {"type": "ack", …}.')


def _subscription(message: dict[str, Any]) -> Subscription:
    model = message.get("model")
    if not isinstance(model, str) or not model:
        raise Unreadable("bad_model", "Name a model, as in /api/devices/status.")
    return Subscription(model, _names(message, "devices"), _names(message, "fields"))


def _names(message: dict[str, Any], key: str) -> frozenset[str] | None:
    names = message.get(key, "*")
    if names == "*":
        return None
    if not isinstance(names, list) or not all(isinstance(name, str) and len(name) <= MAX_NAME for name in names):
        raise Unreadable(f"bad_{key}", f'{key} is "*" or an array of names.')
    if len(names) > MAX_NAMES:
        raise Unreadable(f"too_many_{key}", f'{len(names)} {key}; {MAX_NAMES} are allowed. Take all with "*".')
    return frozenset(names)


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unreadable("bad_seq", "seq is the number of a frame.")
    return value


def error_text(code: str, detail: str) -> str:
    """Return the text that tells a client what was wrong."""
    return orjson.dumps({"type": "error", "code": code, "detail": detail}).decode()


class Snapshot(NamedTuple):
    """The text of a snapshot, and the frame with the devices that did not fit into it."""

    text: str
    rest: Frame | None


def snapshot_of(at: float, model: str, fields: dict[str, FieldInfo], entries: list[Entry]) -> Snapshot:
    """Return a snapshot; its frame is to be sent right after it."""
    head: dict[str, Any] = {"type": "snapshot", "seq": 0, "at": at, "model": model, "fields": fields}
    first = next(_packed(entries), [])
    rest = [{**entry, "points": {}} for entry in entries[len(first) :]]
    text = _closed(orjson.dumps(head).decode()[:-1], first)
    return Snapshot(text, Frame(at, model, rest) if rest else None)  # type: ignore[arg-type]  # an Entry with points


class Frame:
    """What came of one model since the frame before, for one kind of subscription. Encoded once for all who get it."""

    def __init__(self, at: float, model: str, entries: list[Entry]) -> None:
        self.at, self.model, self.entries = at, model, entries

    @cached_property
    def parts(self) -> list[str]:
        """Return the texts to send, as a rule one, each without its beginning: the socket's own number."""
        head = orjson.dumps({"at": self.at, "model": self.model}).decode()[1:-1]
        fitting = [part for entry in self.entries for part in _fitting(entry)]
        return [_closed(head, encoded) for encoded in _packed(fitting)] or [_closed(head, [])]

    def followed_by(self, newer: Frame) -> Frame:
        """Return this frame and a newer one as one: the newest of each device, and the points of both, bounded."""
        entries = {entry["device_id"]: entry for entry in self.entries}
        for entry in newer.entries:
            known = entries.get(entry["device_id"])
            entries[entry["device_id"]] = _joined(known, entry) if known else entry
        return Frame(newer.at, newer.model, list(entries.values()))


def numbered(seq: int, part: str) -> str:
    """Return a part of a frame as the text for one socket."""
    return f'{{"type":"latest_data","seq":{seq},{part}'


def selected(entries: Iterable[Entry], wanted: Subscription) -> list[Entry]:
    """Return what of some entries a subscription is about."""
    chosen = entries if wanted.devices is None else (e for e in entries if e["device_id"] in wanted.devices)
    if wanted.fields is None:
        return list(chosen)
    return [_with_fields(entry, wanted.fields) for entry in chosen]


def thinned(points: list[Point]) -> list[Point]:
    """Return at most 20 points for each second of event time that some points span, and at most MAX_POINTS.

    They are evenly spaced by place; the newest is always among them.
    """
    if len(points) <= POINTS_PER_SECOND:
        return points
    seconds = max(ts for ts, _ in points) - min(ts for ts, _ in points)
    most = min(MAX_POINTS, int(POINTS_PER_SECOND * max(1.0, seconds)))
    if len(points) <= most:
        return points
    step = len(points) / most
    return [points[int((n + 1) * step) - 1] for n in range(most)]


def _packed(entries: Iterable[Entry]) -> Iterator[list[str]]:
    """Encode entries, as many at a time as fit into one message."""
    texts: list[str] = []
    size = 0
    for entry in entries:
        encoded = orjson.dumps(entry)
        if texts and size + len(encoded) > MAX_TEXT - HEAD_ROOM:
            yield texts
            texts, size = [], 0
        texts.append(encoded.decode())
        size += len(encoded) + 1
    if texts:
        yield texts


def _closed(head: str, encoded: list[str]) -> str:
    return f'{head},"devices":[{",".join(encoded)}]}}'


def _fitting(entry: Entry) -> Iterator[Entry]:
    """Yield an entry, or several with a part of its points each, so that each fits into one message."""
    points = entry.get("points", {})
    longest = max(map(len, points.values()), default=0)
    # Forty bytes for a pair of a time and a number; nearly every entry is far below and need not be encoded to know.
    if longest < 2 or sum(map(len, points.values())) * 40 < MAX_TEXT // 2:
        yield entry
        return
    for half in (slice(longest // 2), slice(longest // 2, None)):
        part = entry.copy()
        part["points"] = {name: found for name, run in points.items() if (found := run[half])}
        yield from _fitting(part)


def _with_fields(entry: Entry, fields: frozenset[str]) -> Entry:
    less = entry.copy()
    less["values"] = {name: value for name, value in entry["values"].items() if name in fields}
    if "points" in entry:
        less["points"] = {name: points for name, points in entry["points"].items() if name in fields}
    return less


def _joined(known: Entry, newer: Entry) -> Entry:
    points = dict(known.get("points", {}))
    for name, more in newer.get("points", {}).items():
        points[name] = thinned(points.get(name, []) + more)
    joined = newer.copy()
    joined["points"] = points
    return joined
