"""Twice as much as the stack can take, for a minute: is anything lost, and how fast does it catch up afterwards?

The capacity is measured first, then twice of it is offered in the same kind of messages. A publisher with QoS 1 on the
same machine is slowed down by the broker once that is full, so the report says what was offered and what came. Arrays
are the default here: one reading a message would cost publisher and broker more than there is on a small machine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from dataflow.bench import throughput
from dataflow.bench.stored import stored_within_the_hour
from dataflow.bench.throughput import Options, RunningLoad, new_prefix, settled_audit, wait_for_rows
from ingest.ring_state import ring_state

TIMES = 2.0  # the capacity
LOOK_S = 2.0  # between two looks at what the page of the ring says


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Offer twice the capacity for `options.seconds` and return the figures. Blocks until every reading is stored."""
    capacity = throughput.measure(replace(options, rate=0), say)["readings_per_second"]
    offered = TIMES * capacity
    say(f"capacity {capacity:,} readings a second; offering {offered:,.0f} for {options.seconds:.0f} s")
    count = round(offered * options.seconds)
    load = RunningLoad(replace(options, rate=offered, count=count), new_prefix())
    shown = _watch(load)
    load.wait()
    ended, stored = time.time(), stored_within_the_hour(load.prefix)
    backlog = load.answer["acked"] - stored
    say(f"over; {backlog:,} readings are still to be stored")
    finished = wait_for_rows(load.prefix, load.answer["acked"])
    books = settled_audit()
    drained = round(backlog / (finished - ended)) if backlog > 0 else None
    return {
        "benchmark": "overload",
        "per_message": options.per_message,
        "capacity_per_second": capacity,
        "offered_per_second": round(offered),
        "published_per_second": round(load.answer["acked"] / load.answer["seconds"]),
        "published_times_capacity": round(load.answer["acked"] / load.answer["seconds"] / capacity, 2),
        "seconds": load.answer["seconds"],
        "acknowledged": load.answer["acked"],
        "lost": load.answer["acked"] - throughput.count_rows(load.prefix),
        "backlog": backlog,
        "drain_seconds": round(finished - ended, 2),
        "drained_per_second": drained,
        "drain_share_of_capacity": round(drained / capacity, 3) if drained else None,
        "page_says": shown,
        "ledger": asdict(books.total) | {"balanced": books.balanced},
    }


def _watch(load: RunningLoad) -> dict[str, Any]:
    """Return the most that the page of the ring says meanwhile: batches that wait, the age of the oldest one, fill."""
    entries, age, fill = 0, 0.0, 0.0
    while not load.is_over:
        members = ring_state().members
        entries = max(entries, sum(member.entries or 0 for member in members))
        age = max(age, *(member.oldest_age_s or 0.0 for member in members))
        fill = max(fill, *(member.fill_percent or 0.0 for member in members))
        time.sleep(LOOK_S)
    return {"batches_waiting": entries, "oldest_s": round(age, 1), "fill_percent": round(fill, 1)}
