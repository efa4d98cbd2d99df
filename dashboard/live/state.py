"""What is known now of the devices of one model. Pure: rows and announcements go in, entries come out.

Rows from the database are the truth; announcements only come sooner, and some never come. An announcement is made after
the commit, so rows that were read after it came are at least as new. Otherwise the newest reading by event time wins,
and among readings of one moment whatever came last.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dashboard.live.frames import Snapshot, selected, snapshot_of, thinned
from dashboard.live.messages import Entry, FieldInfo, Subscription
from validation.events import Point, Stored, StoredDevice, Value
from validation.presence import Status, expected_interval, status
from validation.selectors import Newest
from validation.spec import ModelSpec

# What the database knew at one reading has been announced by the next one, or was lost. The order of arrival within a
# batch is not kept, which makes up for less than this.
LAG_S = 5.0
# Points of one field and device that wait for the next frame; a flood is thinned on the way.
MAX_WAITING = 2_000


@dataclass(slots=True)
class DeviceState:
    """One device: its newest reading, when it was last heard of, and what the next frame has to say about it.

    `told` is the newest arrival that was announced, `owed` the newest one that the database knew when last read.
    `heard_at` is when the last announcement came.
    """

    ts: float
    last_seen: float
    values: dict[str, Value]
    told: float
    owed: float
    heard_at: float = 0.0
    override: float | None = None
    learned: float | None = None
    status: Status = "offline"
    points: dict[str, list[Point]] = field(default_factory=dict)
    changed: bool = True

    @property
    def interval(self) -> float:
        """Return the seconds expected between its readings."""
        return expected_interval(self.override, self.learned)


class ModelState:
    """All devices of one model, for the subscriptions of one process."""

    def __init__(self, spec: ModelSpec) -> None:
        self.spec = spec
        self.fields = {f.name: FieldInfo(unit=f.unit, label=_label(f.name, f.label), kind=f.kind) for f in spec.fields}
        self._devices: dict[str, DeviceState] = {}
        self._snapshots: dict[Subscription, Snapshot] = {}

    def take_rows(self, rows: Iterable[Newest], read_at: float) -> bool:
        """Take over what the database says, as of `read_at`; tell whether anything was missed before.

        Missed is what the rows of the last time had and nothing announced since, and a device that is gone.
        """
        missed = False
        named = set()
        for row in rows:
            named.add(row.device)
            missed |= self._take_row(row, read_at)
        known = self._devices.items()
        gone = [name for name, state in known if name not in named and state.heard_at < read_at]
        for name in gone:
            del self._devices[name]
        self._snapshots.clear()
        return missed or bool(gone)

    def _take_row(self, row: Newest, read_at: float) -> bool:
        ts, last_seen = row.ts.timestamp(), row.last_seen.timestamp()
        state = self._devices.get(row.device)
        if state is None:
            seen = last_seen
            self._devices[row.device] = DeviceState(
                ts, seen, row.values, seen, seen, override=row.override, learned=row.learned
            )
            return False
        missed = state.owed > state.told + LAG_S
        state.told, state.owed = max(state.told, state.owed), last_seen
        if ts > state.ts:
            _add_points(state, {name: [(ts, value)] for name, value in row.values.items() if _is_drawn(value)})
        before = (state.ts, state.values, state.last_seen, state.override, state.learned)
        if ts >= state.ts or state.heard_at < read_at:
            state.ts, state.values = ts, row.values
        if last_seen > state.last_seen or state.heard_at < read_at:
            state.last_seen = last_seen
        state.override, state.learned = row.override, row.learned
        state.changed |= before != (state.ts, state.values, state.last_seen, state.override, state.learned)
        return missed

    def take_announcement(self, stored: Stored, now: float) -> None:
        """Take in what was stored just before `now`."""
        for name, device in stored["devices"].items():
            state = self._devices.get(name)
            if state is None:
                seen = device["received_at"]
                state = self._devices[name] = DeviceState(device["ts"], seen, device["values"], seen, seen)
            _take_device(state, device)
            state.heard_at = now
        self._snapshots.clear()

    def refresh(self, now: float) -> None:
        """Find out how each device is now."""
        for state in self._devices.values():
            found = status(state.last_seen, state.interval, now)
            if found != state.status:
                state.status, state.changed = found, True
                self._snapshots.clear()

    def take_changes(self) -> list[Entry]:
        """Return an entry for each device of which something is new, and begin anew."""
        entries = []
        for name, state in self._devices.items():
            if state.changed:
                entry = _entry(name, state)
                entry["points"] = {field: thinned(points) for field, points in state.points.items()}
                entries.append(entry)
                state.points, state.changed = {}, False
        return entries

    def snapshot(self, wanted: Subscription, now: float) -> Snapshot:
        """Return a snapshot; encoded once for all who ask for the same before something changes."""
        found = self._snapshots.get(wanted)
        if found is None:
            fields = {n: info for n, info in self.fields.items() if wanted.fields is None or n in wanted.fields}
            entries = selected((_entry(name, state) for name, state in sorted(self._devices.items())), wanted)
            found = self._snapshots[wanted] = snapshot_of(now, self.spec.name, fields, entries)
        return found


def _take_device(state: DeviceState, device: StoredDevice) -> None:
    if device["ts"] >= state.ts:
        state.ts, state.values = device["ts"], device["values"]
    state.last_seen = max(state.last_seen, device["received_at"])
    state.told = max(state.told, device["received_at"])
    if device["interval_s"] is not None:
        state.learned = device["interval_s"]
    state.changed = True
    _add_points(state, device["points"])


def _add_points(state: DeviceState, points: dict[str, list[Point]]) -> None:
    for name, more in points.items():
        waiting = state.points.setdefault(name, [])
        # Over the layer a pair comes as a list.
        waiting.extend((ts, value) for ts, value in more)
        if len(waiting) > MAX_WAITING:
            state.points[name] = thinned(waiting)


def _entry(name: str, state: DeviceState) -> Entry:
    return Entry(
        device_id=name,
        status=state.status,
        ts=state.ts,
        received_at=state.last_seen,
        expected_interval_s=state.interval,
        values=state.values,
    )


def _is_drawn(value: Value) -> bool:
    return isinstance(value, int | float)


def _label(name: str, label: str) -> str:
    return label or name.replace("_", " ").capitalize()
