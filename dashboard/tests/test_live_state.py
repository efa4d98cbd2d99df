"""What the hub knows of a model: announcements and rows in, frames and snapshots out."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.frames import MAX_POINTS, MAX_TEXT, Frame, numbered, selected, thinned
from dashboard.live.messages import Subscription
from dashboard.live.state import MAX_WAITING, ModelState
from validation.events import Point, Stored, StoredDevice
from validation.selectors import Newest
from validation.spec import FieldSpec, ModelSpec
from validation.tests.stored import instant

SPEC = ModelSpec(
    name="van",
    topic_filter="vans/+/telemetry",
    fields=(
        FieldSpec(name="speed", kind="number", unit="km/h", label="Speed"),
        FieldSpec(name="fuel_level", kind="number"),
    ),
)
ALL = Subscription("van")
T = 1_772_366_400.0


def row(
    device: str, ts: float, values: dict[str, Any], seen: float | None = None, learned: float | None = None
) -> Newest:
    at = instant(seen or ts)
    return Newest(device, "van", instant(ts), 0, at, at, values, None, learned)


def stored(device: str, ts: float, values: dict[str, Any], seen: float | None = None) -> Stored:
    points: dict[str, list[Point]] = {name: [(ts, value)] for name, value in values.items()}
    told = StoredDevice(ts=ts, received_at=seen or ts, interval_s=None, values=values, points=points)
    return Stored(type="telemetry.stored", model="van", at=ts, devices={device: told})


def devices(state: ModelState, now: float, wanted: Subscription = ALL) -> dict[str, Any]:
    return {entry["device_id"]: entry for entry in json.loads(state.snapshot(wanted, now).text)["devices"]}


def test_a_snapshot_says_how_every_device_is() -> None:
    state = ModelState(SPEC)
    state.take_rows([row("a", T, {"speed": 1.5}), row("b", T - 50, {"speed": 2.5}, learned=2.0)], T)
    state.refresh(T + 1)
    snapshot = json.loads(state.snapshot(ALL, T + 1).text)
    assert {key: snapshot[key] for key in ("type", "seq", "at", "model")} == {
        "type": "snapshot",
        "seq": 0,
        "at": T + 1,
        "model": "van",
    }
    assert snapshot["fields"] == {
        "speed": {"unit": "km/h", "label": "Speed", "kind": "number"},
        "fuel_level": {"unit": "", "label": "Fuel level", "kind": "number"},
    }
    assert snapshot["devices"] == [
        {"device_id": "a", "status": "online", "ts": T, "received_at": T, "expected_interval_s": 10.0,
         "values": {"speed": 1.5}},
        {"device_id": "b", "status": "offline", "ts": T - 50, "received_at": T - 50, "expected_interval_s": 2.0,
         "values": {"speed": 2.5}},
    ]  # fmt: skip


def test_only_what_changed_is_in_a_frame() -> None:
    state = ModelState(SPEC)
    state.take_rows([row("a", T, {"speed": 1.0}), row("b", T, {"speed": 2.0})], T)
    state.refresh(T)
    assert len(state.take_changes()) == 2
    state.refresh(T + 1)
    assert state.take_changes() == []
    state.take_announcement(stored("b", T + 1, {"speed": 3.0}), T + 1)
    (entry,) = state.take_changes()
    assert (entry["device_id"], entry["values"], entry["points"]) == ("b", {"speed": 3.0}, {"speed": [(T + 1, 3.0)]})
    state.refresh(T + 31)
    assert [(e["device_id"], e["status"], e["points"]) for e in state.take_changes()] == [("a", "late", {})]


def test_a_late_reading_is_drawn_and_does_not_become_the_newest() -> None:
    state = ModelState(SPEC)
    state.take_rows([row("a", T, {"speed": 1.0})], T)
    state.take_announcement(stored("a", T - 3600, {"speed": 9.0}, seen=T + 40), T + 40)
    state.refresh(T + 41)
    (entry,) = state.take_changes()
    assert (entry["ts"], entry["values"], entry["status"]) == (T, {"speed": 1.0}, "online")
    assert entry["points"] == {"speed": [(T - 3600, 9.0)]}


def test_a_row_that_was_never_announced_is_drawn_and_counts_as_missed_at_the_next_reading() -> None:
    state = ModelState(SPEC)
    state.take_rows([row("a", T, {"speed": 1.0})], T)
    state.take_changes()
    late = [row("a", T + 30, {"speed": 2.0})]
    assert not state.take_rows(late, T + 30)  # its announcement may still be on the way
    (entry,) = state.take_changes()
    assert (entry["values"], entry["points"]) == ({"speed": 2.0}, {"speed": [(T + 30, 2.0)]})
    assert state.take_rows(late, T + 40)
    assert not state.take_rows(late, T + 50)


def test_a_row_that_is_announced_a_little_later_was_not_missed() -> None:
    state = ModelState(SPEC)
    state.take_rows([row("a", T, {"speed": 1.0})], T)
    late = [row("a", T + 30, {"speed": 2.0})]
    assert not state.take_rows(late, T + 30)
    state.take_announcement(stored("a", T + 30, {"speed": 2.0}), T + 31)
    assert not state.take_rows(late, T + 40)


def test_a_device_that_is_gone_leaves_and_one_that_came_during_the_reading_stays() -> None:
    state = ModelState(SPEC)
    state.take_rows([row("a", T, {"speed": 1.0}), row("b", T, {"speed": 1.0})], T)
    state.take_announcement(stored("c", T + 60, {"speed": 1.0}), T + 61)
    assert state.take_rows([row("a", T, {"speed": 1.0})], T + 60)
    assert devices(state, T).keys() == {"a", "c"}


def test_a_subscription_gets_its_own_devices_and_fields() -> None:
    state = ModelState(SPEC)
    state.take_rows([row(name, T, {"speed": 1.0, "fuel_level": 9.0}) for name in "abc"], T)
    wanted = Subscription("van", frozenset({"b", "nobody"}), frozenset({"speed"}))
    snapshot = json.loads(state.snapshot(wanted, T).text)
    assert list(snapshot["fields"]) == ["speed"]
    assert [(entry["device_id"], entry["values"]) for entry in snapshot["devices"]] == [("b", {"speed": 1.0})]
    state.take_changes()
    for name in "abc":
        state.take_announcement(stored(name, T + 1, {"speed": 2.0, "fuel_level": 8.0}), T + 1)
    (entry,) = selected(state.take_changes(), wanted)
    assert (entry["device_id"], entry["values"], list(entry["points"])) == ("b", {"speed": 2.0}, ["speed"])


def test_points_are_thinned_to_twenty_a_second_of_event_time() -> None:
    second: list[Point] = [(T + n / 100, float(n)) for n in range(100)]
    assert len(thinned(second)) == 20
    assert thinned(second)[-1] == second[-1]
    backlog: list[Point] = [(T + n / 5, float(n)) for n in range(100)]
    assert thinned(backlog) == backlog
    flood: list[Point] = [(T + n / 100, float(n)) for n in range(100_000)]
    assert len(thinned(flood)) == MAX_POINTS


def test_a_flood_between_two_frames_is_bounded() -> None:
    state = ModelState(SPEC)
    for burst in range(50):
        message = stored("a", T + burst, {"speed": 1.0})
        message["devices"]["a"]["points"] = {"speed": [(T + burst + n / 1000, 1.0) for n in range(1000)]}
        state.take_announcement(message, T + burst)
    assert all(len(points) <= MAX_WAITING + 1000 for points in state._devices["a"].points.values())
    (entry,) = state.take_changes()
    assert len(entry["points"]["speed"]) <= MAX_POINTS


def test_no_message_is_larger_than_a_server_sends_and_nothing_is_left_out() -> None:
    state = ModelState(SPEC)
    state.take_rows([row(f"van_{n:04}", T, {"speed": 1.5}) for n in range(1000)], T)
    text, rest = state.snapshot(ALL, T)
    assert rest is not None
    texts = [text, *(numbered(seq, part) for seq, part in enumerate(rest.parts, start=1))]
    assert max(map(len, texts)) < MAX_TEXT
    assert [entry["device_id"] for text in texts for entry in json.loads(text)["devices"]] == [
        f"van_{n:04}" for n in range(1000)
    ]
    state.take_changes()
    backlog: dict[str, list[Point]] = {f"f{n}": [(T + m / 10, m / 7) for m in range(600)] for n in range(40)}
    message = stored("van_0001", T + 30, {"speed": 2.0})
    message["devices"]["van_0001"]["points"] = backlog
    state.take_announcement(message, T + 30)
    parts = Frame(T, "van", state.take_changes()).parts
    assert len(parts) > 10
    assert max(map(len, parts)) < MAX_TEXT
    told: dict[str, list[Any]] = {name: [] for name in backlog}
    for part in parts:
        for entry in json.loads(numbered(1, part))["devices"]:
            for name, points in entry["points"].items():
                told[name] += points
    assert told == json.loads(json.dumps(backlog))


STEPS = st.one_of(
    st.tuples(st.just("store"), st.sampled_from("abc"), st.floats(0, 100).map(lambda x: round(x, 6)), st.booleans()),
    st.tuples(st.just("wait"), st.sampled_from([0.5, 3.0, 12.0, 40.0])),
    st.tuples(st.just("frame")),
    st.tuples(st.just("read")),
    st.tuples(st.just("delete"), st.sampled_from("abc")),
)


class Page:
    """A client that applies a snapshot and the frames after it, and asks again after a gap."""

    def __init__(self, state: ModelState) -> None:
        self.state = state
        self.devices = devices(state, T)

    def frame(self, now: float, gap: bool) -> None:
        self.state.refresh(now)
        for entry in self.state.take_changes():
            entry.pop("points")
            self.devices[entry["device_id"]] = json.loads(json.dumps(entry))
        if gap:
            self.devices = devices(self.state, now)


@given(st.lists(STEPS, max_size=60))
def test_a_snapshot_and_its_frames_are_a_new_snapshot_whatever_was_lost(steps: list[Any]) -> None:
    rows: dict[str, Newest] = {}
    state, now, gap = ModelState(SPEC), T + 1000, False
    page = Page(state)
    for number, step in enumerate([*steps, ("wait", 12.0), ("read",), ("frame",)]):
        if step[0] == "store":
            _, device, offset, announced = step
            ts, values = T + offset, {"speed": float(number)}
            newest = max(ts, rows[device].ts.timestamp()) if device in rows else ts
            kept = values if newest == ts else rows[device].values
            rows[device] = row(device, newest, kept, seen=now)
            if announced:
                state.take_announcement(stored(device, ts, values, seen=now), now)
        elif step[0] == "wait":
            now += step[1]
        elif step[0] == "delete":
            rows.pop(step[1], None)
        elif step[0] == "read":
            gap |= state.take_rows(rows.values(), now)
        else:
            page.frame(now, gap)
            gap = False
    assert page.devices == devices(state, now)
    fresh = ModelState(SPEC)
    fresh.take_rows(rows.values(), now)
    fresh.refresh(now)
    assert page.devices == devices(fresh, now)
