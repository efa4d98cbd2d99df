"""Another collector beside the platform: the same load, the same broker, the same PostgreSQL, a table of its own."""

from __future__ import annotations

import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from dataflow.bench.collector import READY, TOPIC
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

SMALL, PAUSE_S, TRIES = 100, 3.0, 20  # readings that show whether it collects; between two looks; looks


@dataclass(frozen=True, slots=True)
class Collector:
    """A program that reads the URLs of broker and database from two lines, says `ready`, and fills its table."""

    argv: tuple[str, ...]
    table: str
    create: str  # the statement that makes the table
    environment: Mapping[str, str] = field(default_factory=dict)

    def measure(self, options: Options) -> dict[str, Any]:
        """Return how fast it is and what a reading costs. Blocks until every reading is in its table."""
        options = replace(options, topic=TOPIC)
        with self._table(), self._running() as process:
            there = self._warmed_up(options)
            before = _used(process)
            load = RunningLoad(options, new_prefix())
            load.wait()
            finished = self._wait(there + load.answer["acked"])
            used = _used(process)
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
    def _table(self) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {self.table}")
            cursor.execute(self.create)
        try:
            yield
        finally:
            with connection.cursor() as cursor:
                cursor.execute(f"DROP TABLE {self.table}")

    @contextmanager
    def _running(self) -> Iterator[psutil.Process]:
        # On a leash, so that it does not outlive a benchmark that is killed.
        program = Program(name="collector", argv=self.argv)
        process = subprocess.Popen(
            program.command(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
            env={**os.environ, **self.environment},
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

    def _warmed_up(self, options: Options) -> int:
        """Publish little until rows come; return how many there are once no more do."""
        before = 0
        for _ in range(TRIES):
            if not before:
                RunningLoad(replace(options, count=SMALL, rate=0.0), new_prefix()).wait()
            time.sleep(PAUSE_S)
            if before and self._rows() == before:
                return before
            before = self._rows()
        raise BenchFailed("the collector stores nothing of what is published")

    def _wait(self, expected: int) -> float:
        """Return when the last row was there."""
        last, changed = -1, time.monotonic()
        while True:
            seen, count = time.time(), self._rows()
            if count >= expected:
                return seen
            if count != last:
                last, changed = count, time.monotonic()
            elif time.monotonic() - changed > PATIENCE_S:
                raise BenchFailed(f"the collector has stored {count:,} of {expected:,} readings")
            time.sleep(POLL_S)

    def _rows(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.table}")  # noqa: S608  (a constant)
            return int(cursor.fetchone()[0])


def _used(collector: psutil.Process) -> Counter[str]:
    """Return processor seconds of the collector, and of what serves it: the broker and PostgreSQL."""
    used = Counter({kind: spent for kind, spent in processor_seconds().items() if kind in ("broker", "postgres")})
    times = collector.cpu_times()
    used["collector"] = times.user + times.system  # type: ignore[assignment]  # seconds, not a count
    return used
