"""How many readings a second go from a publisher's hand into the table, and what each costs in processor time.

The clock runs from before the first publish until every acknowledged reading is a committed row: validated against the
sample model `vehicle`, de-duplicated, and in the ledger. The readings stay, as devices `bench_…`. Several runs are of
the same devices, with event times that go on, and the figures are the medians: devices are new in the first run only.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

import psutil
from django.conf import settings
from django.db import connection
from psycopg.sql import SQL

from dataflow.bench.figures import median_of
from dataflow.bench.processes import memory_by_kind, processes, seconds_by_kind
from dataflow.embedded.program import Program
from ingest.buffers import ring_urls
from ingest.ring import connect
from validation.audit import Audit, audit
from validation.streams import StreamReader
from validation.tables import table

LOAD = ("count", "devices", "window", "rate", "topic", "topics", "per_message")  # what a report says of its load
VALUES = 4  # data points of a reading: speed, heading, latitude, longitude
POLL_S = 0.05
PATIENCE_S = 60.0  # without one more row for this long, what is missing will not come


class BenchFailed(Exception):
    """The measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to publish, as in `python -m dataflow.bench.load --help`, and how long and how often to measure."""

    count: int = 100_000
    devices: int = 10
    window: int = 1_000
    rate: float = 0.0
    topic: str = "vehicles"
    topics: int = 1
    per_message: int = 1  # readings; more than one come as an array
    runs: int = 1  # of throughput
    seconds: float = 20.0  # for which a steady load is measured
    sockets: int = 1000  # of fanout
    minutes: float = 4.0  # of soak
    rows: int = 0  # of the benchmarks that fill a table; 0 for what each does by default


def measure(options: Options, say: Callable[[str], None], models: Sequence[str] = ("vehicle",)) -> dict[str, Any]:
    """Run the load against the stack that the settings name and return the figures. Blocks until all is stored.

    `models` are those that the readings are of.
    """
    prefix, began = new_prefix(), time.time()
    reports: list[dict[str, Any]] = []
    for number in range(options.runs):
        start = 0.0 if options.rate else began - (options.runs - number) * options.count / 1000
        stored = sum(report["acknowledged"] for report in reports)
        before = processor_seconds()
        say(f"publishing {options.count:,} readings")
        load = RunningLoad(options, prefix, start)
        load.wait()
        say(f"acknowledged after {load.answer['seconds']} s; waiting for the rows")
        finished = wait_for_rows(prefix, stored + load.answer["acked"], models)
        used = processor_seconds()
        used.subtract(before)
        reports.append(_report(options, load, finished, used, settled_audit()))
    if options.runs == 1:
        return reports[0]
    rates = [report["readings_per_second"] for report in reports]
    return median_of(reports) | {"runs": options.runs, "rates": rates, "ledger": reports[-1]["ledger"]}


def new_prefix() -> str:
    """Return how the names of a load's devices begin: other ones than those of any load before."""
    return f"bench_{time.time_ns() // 1_000_000:x}_"


def processor_seconds() -> Counter[str]:
    """Return the processor seconds that each kind of process of the stack has used so far."""
    return seconds_by_kind(stack_processes())


def stack_processes() -> list[psutil.Process]:
    """Return the processes of the stack that the settings name, as far as they run on this machine."""
    urls = [settings.DATABASE_URL, settings.REDIS_URL, *ring_urls(), settings.MQTT_URL]
    return processes(settings.DATA_DIR, urls)


class RunningLoad:
    """The load generator, as a child process, and what it answered."""

    def __init__(self, options: Options, prefix: str, start: float = 0.0) -> None:
        """`start` is the first event time, in seconds since 1970; by default the last one is about now.

        Event times are a millisecond apart; those of a load with a rate keep to the clock, as live devices do.
        """
        self.prefix = prefix
        if options.rate and not start:
            start = time.time()
        parts = urlsplit(settings.MQTT311_URL)
        command = [sys.executable, "-m", "dataflow.bench.load", "--host", parts.hostname or "127.0.0.1"]
        command += ["--port", str(parts.port or 1883), "--count", str(options.count), "--prefix", prefix]
        command += ["--devices", str(options.devices), "--window", str(options.window), "--rate", str(options.rate)]
        command += ["--topic", options.topic, "--topics", str(options.topics)]
        command += ["--per-message", str(options.per_message), "--start", str(start)]
        command += ["--step", str(1 / options.rate if options.rate else 0.001)]
        if parts.username:
            command += ["--user", unquote(parts.username), "--password-stdin"]
        # On a leash, so that it does not outlive a benchmark that is killed.
        program = Program(name="load", argv=tuple(command))
        self._process = subprocess.Popen(
            program.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
        )
        if self._process.stdin is not None:  # it begins to publish once it has read the password
            self._process.stdin.write(unquote(parts.password or "") + "\n")
            self._process.stdin.flush()
        self.answer: dict[str, Any] = {}
        self.cpu_seconds = 0.0

    @property
    def is_over(self) -> bool:
        """Tell whether everything has been published."""
        return self._process.poll() is not None

    def stop(self) -> None:
        """Let it publish no more, and wait for what is still to be acknowledged."""
        self._process.terminate()
        self.wait()

    def wait(self) -> None:
        """Wait for the end, however long the broker takes; raise BenchFailed when nothing was acknowledged."""
        started = os.times()
        out, _ = self._process.communicate()
        ended = os.times()
        self.cpu_seconds = (ended.children_user - started.children_user) + (
            ended.children_system - started.children_system
        )
        if not out.strip():
            raise BenchFailed("the load could not publish; see its message above")
        self.answer = json.loads(out)
        if not self.answer["acked"]:
            raise BenchFailed("the broker acknowledged nothing")


def wait_for_rows(prefix: str, expected: int, models: Sequence[str] = ("vehicle",)) -> float:
    """Return when the last row of some models was there.

    The streams tell cheaply that nothing waits; then the rows are counted.
    """
    clients = [connect(url) for url in ring_urls()]
    readers = [StreamReader(client) for client in clients]
    last, changed = -1, time.monotonic()
    while True:
        if sum(reader.waiting() for reader in readers) < len(readers):
            seen = time.time()
            count = sum(count_rows(prefix, model) for model in models)
            if count >= expected:
                return seen
            if count != last:
                last, changed = count, time.monotonic()
            elif time.monotonic() - changed > PATIENCE_S:
                raise BenchFailed(
                    f"{expected - count:,} acknowledged readings are not in the table; see `manage.py audit`"
                )
        time.sleep(POLL_S)


def count_rows(prefix: str, model: str = "vehicle") -> int:
    """Return how many rows the devices of a prefix have, whenever they came."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL(
                "SELECT count(*) FROM {} WHERE device_id IN (SELECT id FROM ingest_device WHERE starts_with(name, %s))"
            ).format(table(model)),
            [prefix],
        )
        return int(cursor.fetchone()[0])


def settled_audit() -> Audit:
    """Return the books as soon as nothing is in flight, or as they are after some seconds."""
    for _ in range(50):
        books = audit(ring_urls())
        if books.total.in_flight == 0:
            break
        time.sleep(0.1)
    return books


def costs_us(used: Counter[str], readings: int) -> dict[str, float]:
    """Return what a reading cost each kind of process, in microseconds of processor time."""
    return {kind: round(spent / readings * 1e6, 2) for kind, spent in sorted(used.items()) if spent > 0}


def ours_us(costs: dict[str, float]) -> float:
    """Return what a reading cost the platform: everything but the broker, which others need as well."""
    return round(sum(cost for kind, cost in costs.items() if kind != "broker"), 2)


def _report(options: Options, load: RunningLoad, finished: float, used: Counter[str], books: Audit) -> dict[str, Any]:
    stored, seconds = load.answer["acked"], finished - load.answer["began"]
    costs = costs_us(used, stored)
    return {
        "benchmark": "throughput",
        **{name: getattr(options, name) for name in LOAD},
        "acknowledged": stored,
        "publish_seconds": load.answer["seconds"],
        "seconds": round(seconds, 3),
        "readings_per_second": round(stored / seconds),
        "data_points_per_second": round(stored * VALUES / seconds),
        "cpu_us_per_reading": {"load": round(load.cpu_seconds / stored * 1e6, 2), **costs},
        "cpu_us_per_reading_ours": ours_us(costs),
        "memory_mb": {kind: round(held / 1e6, 1) for kind, held in sorted(memory_by_kind(stack_processes()).items())},
        "ledger": asdict(books.total) | {"balanced": books.balanced},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
    }
