"""When a live device measures, and how it numbers its readings."""

import json

from hypothesis import given
from hypothesis import strategies as st

from simulators.live import LiveSource
from simulators.profiles import VEHICLE


class Counter:
    """A profile that measures nothing."""

    def payload(self, now: float, seq: int) -> bytes:
        return VEHICLE.payload("vehicle_01", now, seq, {"speed": 1.0})

    def state(self) -> str:
        return "{}"


@given(st.sampled_from([1.0, 2.0, 5.0, 10.0]), st.integers(1, 20), st.floats(0, 0.99))
def test_a_run_makes_exactly_rate_times_duration_readings(rate: float, duration: int, share: float) -> None:
    source = LiveSource(Counter(), 1 / rate, share / rate, duration)
    made = 0
    while (due := source.next_at()) is not None:
        source.take(due, due, 1)
        made += 1
    assert made == rate * duration


def test_sequence_numbers_grow_by_one_from_where_they_were() -> None:
    source = LiveSource(Counter(), 1.0, seq=41)
    batches = [source.take(float(turn), 1_760_000_000.0 + turn, 1) for turn in range(3)]
    assert [json.loads(batch.payloads[0])["seq"] for batch in batches] == [42, 43, 44]
    assert [batch.seq for batch in batches] == [42, 43, 44]


def test_a_slow_tick_is_made_up_for() -> None:
    source = LiveSource(Counter(), 0.1)
    source.take(1.0, 0.0, 1)
    assert source.next_at() == 0.1


def test_a_process_that_slept_leaves_out_what_it_missed_and_keeps_its_beat() -> None:
    source = LiveSource(Counter(), 0.1, 0.05)
    assert source.take(3600.0, 0.0, 1).skipped == 35_998
    due = source.next_at()
    assert due is not None
    assert 3599.8 < due <= 3600.1
    assert abs((due - 0.05) / 0.1 - round((due - 0.05) / 0.1)) < 1e-6


def test_a_full_outbox_does_not_stop_a_live_device() -> None:
    assert len(LiveSource(Counter(), 1.0).take(0.0, 0.0, 0).payloads) == 1
