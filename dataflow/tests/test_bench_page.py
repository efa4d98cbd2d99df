"""docs/performance.md: every figure beside its target, and what has not been measured said."""

from __future__ import annotations

from typing import Any

from dataflow.bench.page import page
from dataflow.bench.suite import STEPS
from dataflow.bench.targets import TARGETS

WHERE = {
    "machine": {"cores": 2, "processor": "A processor", "memory_gb": 24.0, "system": "Linux"},
    "versions": {"Python": "3.11.7", "PostgreSQL": "18.1"},
    "broker": "Mosquitto",
}


def step(key: str, report: dict[str, Any] | None) -> dict[str, Any]:
    run = {"key": key, "command": f"manage.py bench {key}", "at": "2026-11-22T05:06:07+00:00", "seconds": 12.3}
    return run | ({"report": report} if report else {"report": None, "error": "exit code 1"})


def made(*steps: dict[str, Any]) -> str:
    return page({**WHERE, "steps": list(steps)}, "var/bench/x.json")


def test_a_figure_stands_beside_its_target_and_whether_it_is_met() -> None:
    costs = {"load": 6.8, "broker": 8.8, "bridge": 3.6}
    text = made(
        step(
            "throughput", {"readings_per_second": 61_234, "cpu_us_per_reading_ours": 14.5, "cpu_us_per_reading": costs}
        )
    )
    assert "| one reading a message | 61,234 readings/s | ≥ 60,000 | yes | throughput |" in text
    assert "| processor time of a reading: all but broker and load | 14.5 µs | ≤ 14 | **no** | throughput |" in text
    assert "| throughput | 6.8 | 8.8 | 3.6 |" in text
    assert "| throughput | `manage.py bench throughput` | 2026-11-22 05:06 | 12 s |" in text


def test_what_was_not_measured_or_failed_is_said() -> None:
    text = made(step("recovery", None))
    assert "| publish → committed row, p99 | open | ≤ 150 | – | latency |" in text
    assert "| recovery | `manage.py bench recovery` | 2026-11-22 05:06 | failed: exit code 1 |" in text


def test_nothing_lost_is_a_target_that_is_met() -> None:
    text = made(step("overload", {"lost": 0}))
    assert "| twice the capacity: readings lost | 0 readings | ≤ 0 | yes | overload |" in text


def test_a_benchmark_may_bring_figures_with_targets_of_its_own() -> None:
    figures = [{"what": "newest values, p95", "figure": 61.04, "unit": "ms", "limit": 50, "bound": "at most"}]
    text = made(step("history", {"figures": figures}))
    assert "| newest values, p95 | 61 ms | ≤ 50 | **no** | history |" in text


def test_every_target_is_of_a_step_that_runs() -> None:
    assert {target.step for target in TARGETS} <= {step.key for step in STEPS}
