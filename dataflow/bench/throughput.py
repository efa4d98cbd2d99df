"""How many readings a second go from a publisher's hand into the table, and what each costs in processor time.

The clock runs from before the first publish until every acknowledged reading is a committed row: validated against the
sample model `vehicle`, de-duplicated, and in the ledger. The readings stay, as devices `bench_…`.
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

from django.conf import settings
from django.db import connection
from psycopg.sql import SQL

from dataflow.bench.processes import processes, resident_bytes, seconds_by_kind
from ingest.buffers import ring_urls
from ingest.ring import connect
from validation.audit import Audit, audit
from validation.streams import StreamReader
from validation.tables import table

VALUES = 4  # data points of a reading: speed, heading, latitude, longitude
POLL_S = 0.05
PATIENCE_S = 60.0  # without one more row for this long, what is missing will not come


class BenchFailed(Exception):
    """The measurement could not be made; the message says why."""


@dataclass(frozen=True, slots=True)
class Options:
    """What to publish; see `python -m dataflow.bench.load --help`."""

    count: int
    devices: int
    window: int
    rate: float
    topic: str = "vehicles"
    topics: int = 1


def measure(options: Options, say: Callable[[str], None], models: Sequence[str] = ("vehicle",)) -> dict[str, Any]:
    """Run the load against the stack that the settings name and return the figures. Blocks until all is stored.

    `models` are those that the readings are of.
    """
    prefix = f"bench_{int(time.time()):x}_"
    stack = processes(settings.DATA_DIR, _urls())
    before = seconds_by_kind(stack)
    say(f"publishing {options.count:,} readings")
    load = RunningLoad(options, prefix)
    load.wait()
    say(f"acknowledged after {load.answer['seconds']} s; waiting for the rows")
    finished = wait_for_rows(prefix, load.answer["acked"], models)
    used = seconds_by_kind(processes(settings.DATA_DIR, _urls()))
    used.subtract(before)
    return _report(options, load, finished, used, settled_audit())


class RunningLoad:
    """The load generator, as a child process, and what it answered."""

    def __init__(self, options: Options, prefix: str) -> None:
        parts = urlsplit(settings.MQTT311_URL)
        command = [sys.executable, "-m", "dataflow.bench.load", "--host", parts.hostname or "127.0.0.1"]
        command += ["--port", str(parts.port or 1883), "--count", str(options.count), "--prefix", prefix]
        command += ["--devices", str(options.devices), "--window", str(options.window), "--rate", str(options.rate)]
        command += ["--topic", options.topic, "--topics", str(options.topics)]
        if parts.username:
            command += ["--user", unquote(parts.username), "--password-stdin"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
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


def _urls() -> list[str]:
    return [settings.DATABASE_URL, settings.REDIS_URL, *ring_urls(), settings.MQTT_URL]


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
            count = sum(_rows(prefix, model) for model in models)
            if count >= expected:
                return seen
            if count != last:
                last, changed = count, time.monotonic()
            elif time.monotonic() - changed > PATIENCE_S:
                raise BenchFailed(
                    f"{expected - count:,} acknowledged readings are not in the table; see `manage.py audit`"
                )
        time.sleep(POLL_S)


def _rows(prefix: str, model: str) -> int:
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


def _report(options: Options, load: RunningLoad, finished: float, used: Counter[str], books: Audit) -> dict[str, Any]:
    stored, seconds = load.answer["acked"], finished - load.answer["began"]
    costs = {kind: round(spent / stored * 1e6, 2) for kind, spent in sorted(used.items()) if spent > 0}
    return {
        "benchmark": "throughput",
        **asdict(options),
        "acknowledged": stored,
        "publish_seconds": load.answer["seconds"],
        "seconds": round(seconds, 3),
        "readings_per_second": round(stored / seconds),
        "data_points_per_second": round(stored * VALUES / seconds),
        "cpu_us_per_reading": {"load": round(load.cpu_seconds / stored * 1e6, 2), **costs},
        "resident_mb": {
            kind: round(held / 1e6, 1)
            for kind, held in sorted(resident_bytes(processes(settings.DATA_DIR, _urls())).items())
        },
        "ledger": asdict(books.total) | {"balanced": books.balanced},
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()},
    }
