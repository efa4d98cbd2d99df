"""Frames and snapshots as texts: encoded once for all who get the same, and cut to what a server sends. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

import orjson

from dashboard.live.messages import Entry, FieldInfo, Subscription
from validation.events import POINTS_PER_SECOND, Point

# Bytes of one message. A limit that a server sets for what comes in (Daphne: --websocket-max-message-size) holds for
# what goes out as well, and 64 KiB is a sensible one.
MAX_TEXT = 60_000
# Points of one field and device in one frame: half a minute's worth when a backlog comes in. Pages re-read longer ones.
MAX_POINTS = 600


class Snapshot(NamedTuple):
    """The text of a snapshot, and the frame with the devices that did not fit into it."""

    text: str
    rest: Frame | None


def snapshot_of(at: float, model: str, fields: dict[str, FieldInfo], entries: list[Entry]) -> Snapshot:
    """Return a snapshot; its frame is to be sent right after it."""
    said = {"type": "snapshot", "seq": 0, "at": at, "model": model, "fields": fields}
    head = orjson.dumps(said).decode()[:-1]
    first = next(_packed(entries, MAX_TEXT - len(head)), [])
    rest = [_without_points(entry) for entry in entries[len(first) :]]
    return Snapshot(_closed(head, first), Frame(at, model, rest) if rest else None)


class Frame:
    """What came of one model since the frame before, for one kind of subscription. Encoded once for all who get it."""

    def __init__(self, at: float, model: str, entries: list[Entry], *, joined: bool = False) -> None:
        """`joined` says that it stands for several frames."""
        self.at, self.model, self.entries, self.joined = at, model, entries, joined

    @cached_property
    def parts(self) -> list[str]:
        """Return the texts to send, as a rule one, each without its beginning: the socket's own number."""
        head = orjson.dumps({"at": self.at, "model": self.model}).decode()[1:-1]
        fitting = [part for entry in self.entries for part in _fitting(entry)]
        return [_closed(head, encoded) for encoded in _packed(fitting, MAX_TEXT - 100)] or [_closed(head, [])]

    def followed_by(self, newer: Frame) -> Frame:
        """Return this frame and a newer one as one: the newest of each device, and only the newer one's points."""
        entries = {entry["device_id"]: _without_points(entry) for entry in self.entries}
        entries.update((entry["device_id"], entry) for entry in newer.entries)
        return Frame(newer.at, newer.model, list(entries.values()), joined=True)


def numbered(seq: int, part: str) -> str:
    """Return a part of a frame as the text for one socket."""
    return f'{{"type":"latest_data","seq":{seq},{part}'


def selected(entries: Iterable[Entry], wanted: Subscription) -> list[Entry]:
    """Return what of some entries a subscription is about."""
    chosen = entries if wanted.devices is None else (e for e in entries if e["device_id"] in wanted.devices)
    if wanted.fields is None:
        return list(chosen)
    return [_with_fields(entry, wanted.fields) for entry in chosen]


def thinned(points: list[Point], seconds: float = 1.0) -> list[Point]:
    """Return at most 20 points for each second of event time that some points span, and at most MAX_POINTS.

    They are evenly spaced by place; the newest is always among them. What spans less than `seconds`, the time between
    two frames, counts as spanning that.
    """
    if len(points) <= POINTS_PER_SECOND * seconds:
        return points
    span = max(ts for ts, _ in points) - min(ts for ts, _ in points)
    most = max(1, min(MAX_POINTS, int(POINTS_PER_SECOND * max(seconds, span))))
    if len(points) <= most:
        return points
    step = len(points) / most
    return [points[int((n + 1) * step) - 1] for n in range(most)]


def _packed(entries: Iterable[Entry], room: int) -> Iterator[list[str]]:
    """Encode entries, as many at a time as fit into some bytes."""
    texts: list[str] = []
    size = 0
    for entry in entries:
        encoded = orjson.dumps(entry)
        if texts and size + len(encoded) > room:
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


def _without_points(entry: Entry) -> Entry:
    less = entry.copy()
    less["points"] = {}
    return less


def _with_fields(entry: Entry, fields: frozenset[str]) -> Entry:
    less = entry.copy()
    less["values"] = {name: value for name, value in entry["values"].items() if name in fields}
    if "points" in entry:
        less["points"] = {name: points for name, points in entry["points"].items() if name in fields}
    return less
