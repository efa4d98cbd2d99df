"""When frames come that are asked for at different intervals, and what they have to say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.messages import Entry
from dashboard.live.pacing import Pacing

T = 1_772_366_400.0


def entry(device: str, value: int, points: int = 1) -> Entry:
    return Entry(
        device_id=device,
        status="online",
        ts=T + value,
        received_at=T + value,
        expected_interval_s=1.0,
        values={"speed": value},
        points={"speed": [(T + value + place / 1000, value) for place in range(points)]},
    )


def test_each_interval_is_due_in_its_own_time() -> None:
    pacing, counts = Pacing(), {100: 0, 1000: 0}
    for step in range(31):
        for interval in pacing.due({100, 1000}, step * 0.1, 1.0):
            counts[interval] += 1
    assert counts == {100: 31, 1000: 4}


def test_between_frames_it_sleeps_until_the_next_one_is_due() -> None:
    pacing = Pacing()
    pacing.due({100, 1000}, 50.0, 0.9)
    assert round(pacing.pause(50.02, 0.9), 6) == 0.07
    pacing.due(set(), 50.1, 0.9)
    assert pacing.pause(50.1, 0.9) == 0.9


def test_a_quick_frame_has_no_more_points_than_its_share_of_twenty_a_second() -> None:
    pacing = Pacing()
    due = pacing.due({100}, 0.0, 1.0)
    (found,) = pacing.owed(due, {"van": [entry("a", 1, points=20)]})[100, "van"]
    assert len(found["points"]["speed"]) == 2
    assert found["points"]["speed"][-1] == (T + 1 + 19 / 1000, 1)


@given(st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 50)), max_size=4), max_size=40))
def test_all_frames_together_say_the_same_at_any_interval(steps: list[list[tuple[str, int]]]) -> None:
    pacing = Pacing()
    told: dict[int, dict[str, int]] = {100: {}, 300: {}, 1000: {}}
    for step, changes in enumerate([*steps, *([[]] * 10)]):
        due = pacing.due(set(told), step * 0.1, 1.0)
        newest = {device: entry(device, value) for device, value in changes}
        for (interval, _), entries in pacing.owed(due, {"van": list(newest.values())}).items():
            told[interval] |= {found["device_id"]: int(str(found["values"]["speed"])) for found in entries}
    assert told[100] == told[300] == told[1000]


def test_a_slow_frame_brings_the_points_of_all_that_was_kept_for_it() -> None:
    pacing = Pacing()
    pacing.due({100, 1000}, 0.0, 1.0)
    for step in range(1, 10):
        due = pacing.due({100, 1000}, step * 0.1, 1.0)
        pacing.owed(due, {"van": [entry("a", step)]})
    due = pacing.due({100, 1000}, 1.0, 1.0)
    (found,) = pacing.owed(due, {"van": []})[1000, "van"]
    assert [value for _, value in found["points"]["speed"]] == list(range(1, 10))
    assert found["values"] == {"speed": 9}
