"""How fast does a backlog drain that built up while PostgreSQL took nothing?

The outage is a lock on the table of the model `vehicle` that lets nobody read or write it. Whoever waits for it is
cancelled after some seconds, as a database that restarts would do, so that no worker is taken for deaf. Unlike an
outage that ends connections or closes the database to all, this one ends by itself when the benchmark is killed.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import psycopg
from django.conf import settings

from dataflow.bench.throughput import (
    VALUES,
    BenchFailed,
    Options,
    RunningLoad,
    costs_us,
    new_prefix,
    ours_us,
    processor_seconds,
    settled_audit,
    wait_for_rows,
)
from ingest.buffers import ring_urls
from ingest.ring import STREAM, connect

# Seconds that a query of somebody else waits for the table: below the 45 after which a worker counts as deaf.
CANCEL_AFTER_S = 20.0
LOOK_S = 0.5
SETTLE_S = 2.0  # for the bridge to append what the broker has acknowledged
LOCK = "LOCK TABLE telemetry.vehicle IN ACCESS EXCLUSIVE MODE"
# By what the locks say: what backends do is read once a transaction, and a statement that waits while it is parsed has
# not begun there.
CANCEL = (
    "SELECT count(pg_cancel_backend(pid)) FROM pg_locks WHERE NOT granted "
    "AND pg_backend_pid() = ANY (pg_blocking_pids(pid)) AND clock_timestamp() - waitstart > %s * interval '1 s'"
)


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Publish `options.count` readings into an outage, end it and return the figures. Blocks until all is stored."""
    prefix = new_prefix()
    with outage() as cancelled:
        say(f"PostgreSQL takes nothing; publishing {options.count:,} readings")
        load = RunningLoad(options, prefix)
        load.wait()
        time.sleep(SETTLE_S)
        entries, held = _in_buffers()
        before, ended = processor_seconds(), time.time()
    say(f"it works again; {entries:,} batches wait in the buffers")
    finished = wait_for_rows(prefix, load.answer["acked"])
    used = processor_seconds()
    used.subtract(before)
    books = settled_audit()
    backlog = load.answer["acked"]  # nobody could store any of it: the lock was there first
    costs = costs_us(used, backlog)
    return {
        "benchmark": "recovery",
        "backlog": backlog,
        "publish_seconds": load.answer["seconds"],
        "published_per_second": round(backlog / load.answer["seconds"]),
        "entries_in_buffers": entries,
        "buffers_mb": round(held / 1e6, 1),
        "queries_cancelled": cancelled[0],
        "drain_seconds": round(finished - ended, 2),
        "readings_per_second": round(backlog / (finished - ended)),
        "data_points_per_second": round(backlog * VALUES / (finished - ended)),
        "cpu_us_per_reading": costs,
        "cpu_us_per_reading_ours": ours_us(costs),
        "ledger": asdict(books.total) | {"balanced": books.balanced},
    }


@contextmanager
def outage() -> Iterator[list[int]]:
    """Let PostgreSQL take no reading of a vehicle during a `with` block. Yields how many queries were cancelled."""
    cancelled, over, held = [0], threading.Event(), threading.Event()
    failures: list[psycopg.Error] = []

    def hold() -> None:
        try:
            with psycopg.connect(settings.DATABASE_URL) as database:
                database.execute(LOCK)
                held.set()
                while not over.wait(LOOK_S):
                    row = database.execute(CANCEL, [CANCEL_AFTER_S]).fetchone()
                    cancelled[0] += row[0] if row else 0
        except psycopg.Error as error:
            failures.append(error)
            held.set()

    holder = threading.Thread(target=hold, name="outage")
    holder.start()
    held.wait()
    try:
        yield cancelled
    finally:
        over.set()
        holder.join()
    if failures:
        raise BenchFailed(f"the table could not be kept locked: {failures[0]}")


def _in_buffers() -> tuple[int, int]:
    """Return how many batches wait in all buffers, and the bytes that these use."""
    entries = used = 0
    for url in ring_urls():
        with connect(url) as client:
            entries += int(client.xlen(STREAM))
            used += int(client.info("memory")["used_memory"])
    return entries, used
