"""When which subscriptions get a frame, and what those that wait are owed. Pure.

A subscription says how many milliseconds its frames are to be apart. As long as all say the same, which is the usual
case, changes pass through here untouched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dashboard.live.frames import thinned
from dashboard.live.messages import Entry

EARLY_S = 0.005  # a frame comes at most this much sooner than it is due, because sleeping is not exact

Kept = dict[str, Entry]  # by device, in the order in which they first changed


class Pacing:
    """The intervals of one hub's subscriptions, in milliseconds. Moments are those of a steady clock, in seconds."""

    def __init__(self) -> None:
        self._next: dict[int, float] = {}
        self._kept: dict[tuple[int, str], Kept] = {}

    def due(self, intervals: Iterable[int], steady: float, second: float) -> set[int]:
        """Return the intervals that a frame is due for now, and count on from here. `second` is how long one takes."""
        self._next = {interval: self._next.get(interval, steady) for interval in intervals}
        found = {interval for interval, at in self._next.items() if at <= steady + EARLY_S}
        self._next |= {interval: steady + second * interval / 1000 for interval in found}
        return found

    def pause(self, steady: float, longest: float) -> float:
        """Return the seconds until the next frame is due, `longest` at most."""
        return max(0.0, min([longest, *(at - steady for at in self._next.values())]))

    def owed(self, due: set[int], changes: Mapping[str, list[Entry]]) -> dict[tuple[int, str], list[Entry]]:
        """Return what the frames that are due have to say, by interval and model, given what has changed of each model.

        The others are owed it, and get it when they are due.
        """
        kept, self._kept = self._kept, {}
        found = {}
        for interval in self._next:
            for model, entries in changes.items():
                before = kept.get((interval, model))
                if interval not in due:
                    self._kept[interval, model] = _joined(before or {}, entries)
                else:
                    whole = list(_joined(before, entries).values()) if before else entries
                    found[interval, model] = whole if interval == 1000 else _sparser(whole, interval / 1000)
        return found


def _joined(kept: Kept, entries: list[Entry]) -> Kept:
    """Return what is kept and what has changed since as one entry a device: the newest, with the points of both."""
    for entry in entries:
        before = kept.get(entry["device_id"])
        if before is not None:
            entry = entry.copy()
            points = dict(before.get("points", {}))
            for name, more in entry.get("points", {}).items():
                points[name] = thinned(points.get(name, []) + more)
            entry["points"] = points
        kept[entry["device_id"]] = entry
    return kept


def _sparser(entries: list[Entry], seconds: float) -> list[Entry]:
    """Return entries with as many points as frames so many seconds apart may bring."""
    found = []
    for entry in entries:
        less = entry.copy()
        less["points"] = {name: thinned(points, seconds) for name, points in entry.get("points", {}).items()}
        found.append(less)
    return found
