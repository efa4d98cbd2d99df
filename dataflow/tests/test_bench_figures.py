"""The arithmetic of the benchmarks, their load's messages, and which of them run."""

from __future__ import annotations

import json
import struct

import pytest
from django.core.management.base import CommandError
from hypothesis import given
from hypothesis import strategies as st

from dataflow.bench.figures import median_of, slope_per_hour, spread_ms
from dataflow.bench.load import Load
from dataflow.bench.soak import slopes
from dataflow.bench.suite import ASKED_FOR, STEP_S, STEPS, chosen, larger
from dataflow.bench.throughput import BenchFailed
from dataflow.management.commands.bench import MEASURES, sizes_of_all


def test_percentiles_are_in_milliseconds() -> None:
    found = spread_ms([number / 1000 for number in range(101)])
    assert found == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0, "max_ms": 100.0, "count": 101}
    assert spread_ms([])["p99_ms"] is None


def test_a_median_is_taken_at_every_depth_and_words_are_those_of_the_last() -> None:
    runs = [
        {"rate": rate, "count": 10, "cpu": {"broker": rate / 10, **({"bridge": 3.0} if rate > 2 else {})}, "word": word}
        for rate, word in ((3, "a"), (1, "b"), (20, "c"))
    ]
    assert median_of(runs) == {"rate": 3, "count": 10, "cpu": {"broker": 0.3, "bridge": 3.0}, "word": "c"}


@given(st.floats(-500, 500), st.floats(0, 1_000), st.lists(st.floats(0, 7_200), min_size=3, max_size=30, unique=True))
def test_a_straight_line_has_its_slope_per_hour(per_hour: float, start: float, times: list[float]) -> None:
    times = sorted(times)
    if times[-1] - times[0] < 60:
        return
    found = slope_per_hour([(at, start + per_hour * at / 3600) for at in times])
    assert found == pytest.approx(per_hour, abs=0.01)


def test_two_samples_have_no_slope() -> None:
    assert slope_per_hour([(0, 1), (1, 2)]) is None


def test_memory_is_told_as_a_slope_and_at_five_moments_and_not_of_processes_that_came_or_went() -> None:
    stayed = [(float(at), 50 + at / 3_600) for at in range(0, 3_601, 60)]
    found = slopes({"workers 1": stayed, "workers 2": stayed[:20]})
    assert found == {"workers 1": {"mb_per_hour": 1.0, "mb": [50.0, 50.2, 50.5, 50.8, 51.0]}}


@given(count=st.integers(1, 60), per_message=st.integers(1, 25), devices=st.integers(1, 4))
def test_a_load_says_each_reading_once_however_many_go_into_a_message(
    count: int, per_message: int, devices: int
) -> None:
    load = Load(count, devices, 10, 0, "x_", 1_772_366_400.0, per_message=per_message)
    seen: list[int] = []
    for number in range(load.messages):
        packet = load.packet(number)
        body = packet[2 + (packet[1] >= 128) + (packet[1] >= 128 and packet[2] >= 128) :]
        (size,) = struct.unpack("!H", body[:2])
        said = json.loads(body[4 + size :])
        assert isinstance(said, dict) == (per_message == 1)
        seen += [reading["seq"] for reading in (said if isinstance(said, list) else [said])]
        assert load.readings_in(number + 1) == len(seen)
    assert seen == list(range(1, count + 1))


def test_the_suite_runs_every_benchmark_that_the_command_has_but_those_to_be_asked_for() -> None:
    assert {step.benchmark for step in chosen([], MEASURES)} == set(MEASURES) - ASKED_FOR
    assert [step.key for step in chosen(["rivals"], MEASURES)] == ["rivals"]
    assert chosen([], [*MEASURES, "another"])[-2].command == "manage.py bench another"


def test_a_part_of_the_suite_is_chosen_by_benchmark_or_by_step() -> None:
    names = [step.key for step in STEPS if step.benchmark == "throughput"]
    assert [step.key for step in chosen(["throughput"], MEASURES)] == names
    assert [step.key for step in chosen(["throughput-arrays"], MEASURES)] == ["throughput-arrays"]
    with pytest.raises(BenchFailed, match="no benchmark thruput"):
        chosen(["thruput"], MEASURES)


def test_a_larger_size_goes_to_the_benchmarks_that_have_it_and_gives_them_more_time() -> None:
    named = chosen(["soak", "history", "naive"], MEASURES)
    steps = [larger(step, {"minutes": 60, "rows": 30_000_000}) for step in named]
    commands = {step.key: step.command for step in steps}
    assert commands == {
        "naive": "manage.py bench naive --count 100000",
        "soak": "manage.py bench soak --minutes 60",
        "history": "manage.py bench history --rows 30000000",
    }
    patience = {step.key: step.patience_s - STEP_S for step in steps}
    assert patience == {"naive": 0, "soak": 3_600, "history": 3_000}


@pytest.mark.parametrize(("given", "says"), [({"count": 5}, "--count is not for it"), ({"minutes": 0}, "more than 0")])
def test_all_refuses_an_option_that_it_has_no_use_for(given: dict[str, float], says: str) -> None:
    assert sizes_of_all({"rows": 5, "rate": None}) == {"rows": 5}
    with pytest.raises(CommandError, match=says):
        sizes_of_all(given)
