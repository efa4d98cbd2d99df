"""How much faster and cheaper is the platform than a collector with one INSERT a message?

Both are measured in one session. The collector (`dataflow.bench.collector`) does nothing else: no validation, no
de-duplication, no books. It has a table of its own, which is dropped at the end.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from dataflow.bench import throughput
from dataflow.bench.collector import CREATE, READY, TABLE, TOPIC
from dataflow.bench.throughput import (
    PATIENCE_S,
    POLL_S,
    BenchFailed,
    Options,
    RunningLoad,
    costs_us,
    new_prefix,
    ours_us,
    processor_seconds,
)
from dataflow.embedded.program import Program

LESS = 5  # times fewer readings than the platform gets: each takes it that much longer


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the platform, then the collector; return both and the ratios. Blocks until every reading is stored."""
    ours = throughput.measure(options, say)
    say(f"a collector that inserts one by one: {max(1, options.count // LESS):,} readings")
    theirs = _measure_collector(replace(options, count=max(1, options.count // LESS), topic=TOPIC))
    times_faster = ours["readings_per_second"] / theirs["readings_per_second"]
    times_cheaper = theirs["cpu_us_per_reading_ours"] / ours["cpu_us_per_reading_ours"]
    say(f"{times_faster:.1f} times as many readings a second, each for 1/{times_cheaper:.1f} of the processor time")
    return {
        "benchmark": "naive",
        "platform": ours,
        "collector": theirs,
        "times_faster": round(times_faster, 1),
        "times_cheaper": round(times_cheaper, 1),
        "ledger": ours["ledger"],
    }


def _measure_collector(options: Options) -> dict[str, Any]:
    with _table(), _collector() as collector:
        before = _used(collector)
        load = RunningLoad(options, new_prefix())
        load.wait()
        finished = _wait(load.answer["acked"])
        used = _used(collector)
        used.subtract(before)
    stored = load.answer["acked"]
    costs = costs_us(used, stored)
    return {
        "readings": stored,
        "readings_per_second": round(stored / (finished - load.answer["began"])),
        "cpu_us_per_reading": {"load": round(load.cpu_seconds / stored * 1e6, 2), **costs},
        "cpu_us_per_reading_ours": ours_us(costs),
    }


@contextmanager
def _table() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
        cursor.execute(CREATE)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {TABLE}")


@contextmanager
def _collector() -> Iterator[psutil.Process]:
    """Run the collector as a process of its own; it is subscribed when the block begins."""
    # On a leash, so that it does not outlive a benchmark that is killed.
    program = Program(name="collector", argv=(sys.executable, "-m", "dataflow.bench.collector"))
    process = subprocess.Popen(
        program.command(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=settings.BASE_DIR,
    )
    try:
        if process.stdin is None or process.stdout is None:
            raise BenchFailed("the collector has no pipes")
        # By its input, because whoever lists processes sees command lines, and the URLs hold passwords.
        process.stdin.write(f"{settings.MQTT311_URL}\n{settings.DATABASE_URL}\n")
        process.stdin.flush()
        if process.stdout.readline().strip() != READY:
            raise BenchFailed("the collector cannot start; see its message above")
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _used(collector: psutil.Process) -> Counter[str]:
    """Return processor seconds of the collector, and of what serves it: the broker and PostgreSQL."""
    used = Counter({kind: spent for kind, spent in processor_seconds().items() if kind in ("broker", "postgres")})
    times = collector.cpu_times()
    used["collector"] = times.user + times.system  # type: ignore[assignment]  # seconds, not a count
    return used


def _wait(expected: int) -> float:
    """Return when the last row was there."""
    last, changed = -1, time.monotonic()
    while True:
        with connection.cursor() as cursor:
            seen = time.time()
            cursor.execute(f"SELECT count(*) FROM {TABLE}")  # noqa: S608  (a constant)
            count = int(cursor.fetchone()[0])
        if count >= expected:
            return seen
        if count != last:
            last, changed = count, time.monotonic()
        elif time.monotonic() - changed > PATIENCE_S:
            raise BenchFailed(f"the collector has stored {count:,} of {expected:,} readings")
        time.sleep(POLL_S)
