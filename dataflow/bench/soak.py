"""Does memory grow? A steady load for some minutes, and the resident memory of every process meanwhile.

What several processes share is left out, because PostgreSQL's shared buffers would look like growth of each process
that touches them for the first time. The slope is that of the line nearest to the samples after a warm-up. It is worth
something from half an hour on; over few minutes an allocator's ups and downs make tens of megabytes an hour.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Any

import psutil

from dataflow.bench.figures import slope_per_hour
from dataflow.bench.processes import kind_of
from dataflow.bench.throughput import Options, RunningLoad, new_prefix, settled_audit, stack_processes, wait_for_rows

RATE = 10_000.0  # readings a second, unless somebody says otherwise
SAMPLES = 240  # over the whole time, but not more often than every second
WARM_UP = 0.25  # of the time, and not more than
LONGEST_WARM_UP_S = 600.0
TOLERATED = 0.9  # of the samples that a process must have: one that ends meanwhile has no slope

Samples = dict[str, list[tuple[float, float]]]  # by process: seconds and megabytes


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Load the stack for `options.minutes` and return slopes. Blocks until every reading is stored."""
    seconds, rate = options.minutes * 60, options.rate or RATE
    warm_up = min(WARM_UP * seconds, LONGEST_WARM_UP_S)
    say(f"{rate:,.0f} readings a second for {options.minutes:g} minutes, {warm_up:.0f} s of them to warm up")
    load = RunningLoad(replace(options, rate=rate, count=round(rate * seconds)), new_prefix())
    samples = watch(load, max(1.0, seconds / SAMPLES), warm_up)
    load.wait()
    wait_for_rows(load.prefix, load.answer["acked"])
    books = settled_audit()
    processes = slopes(samples)
    steepest = max((found["mb_per_hour"] for found in processes.values()), default=None)
    return {
        "benchmark": "soak",
        "minutes": options.minutes,
        "rate": rate,
        "published_per_second": round(load.answer["acked"] / load.answer["seconds"]),
        "warm_up_s": warm_up,
        "steepest_mb_per_hour": steepest,
        "processes": processes,
        "ledger": asdict(books.total) | {"balanced": books.balanced},
    }


def watch(load: RunningLoad, pause_s: float, warm_up_s: float) -> Samples:
    """Return the memory of every process of the stack from the end of the warm-up until the load is over."""
    samples: Samples = defaultdict(list)
    began = time.monotonic()
    while not load.is_over:
        time.sleep(pause_s)
        at = time.monotonic() - began
        if at < warm_up_s:
            continue
        for process in stack_processes():
            try:
                memory = process.memory_info()
                samples[f"{kind_of(process)} {process.pid}"].append((at, (memory.rss - memory.shared) / 1e6))
            except psutil.NoSuchProcess:
                continue
    return samples


def slopes(samples: Samples) -> dict[str, dict[str, Any]]:
    """Return the growth of every process that was there all the time.

    `mb` is what it held at five moments, from the first to the last: whether a growth has come to its end, or came at
    once, a slope does not say.
    """
    longest = max(map(len, samples.values()), default=0)
    found: dict[str, dict[str, Any]] = {}
    for name, run in sorted(samples.items()):
        slope = slope_per_hour(run)
        if slope is not None and len(run) >= TOLERATED * longest:
            found[name] = {"mb_per_hour": round(slope, 2), "mb": _at_five_moments(run)}
    return found


def _at_five_moments(run: Sequence[tuple[float, float]]) -> list[float]:
    return [round(run[round(part / 4 * (len(run) - 1))][1], 1) for part in range(5)]
