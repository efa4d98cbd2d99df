"""How fast do refused readings become rows once their model is mended, and does live ingest notice?

A model of its own, `bench_replay`, whose maximum is too low, refuses readings that came through MQTT. Then a steady
load of `vehicle` readings is measured, first alone and then while the mended model's readings are replayed. The
readings stay; the model is taken out of service at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

from dataflow.bench.stored import stored_within_the_hour
from dataflow.bench.throughput import (
    PATIENCE_S,
    BenchFailed,
    Options,
    RunningLoad,
    new_prefix,
    settled_audit,
    wait_for_rows,
)
from validation import drafting, replay
from validation.models import DataModel, Quarantined, Replay
from validation.publishing import publish, resume, withdraw
from validation.quarantine import Selection
from validation.spec import FieldSpec, ModelSpec

NAME, TOPIC = "bench_replay", "bench-replay"
TOO_LOW, RIGHT = -1.0, 250.0  # maximum speeds
A_DEVICE = 5_000  # records at most, so that the bounds of quarantine do not interfere
LIVE_RATE = 5_000.0  # readings a second unless said otherwise
WARM_UP_S, LEAST_S = 1.0, 5.0  # of the live load before it is measured, and how long it lasts at least
SLOWEST = 4_000  # records a second of a replay that the live load still lasts through
POLL_S = 0.1


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Refuse, mend and replay `options.count` readings; return the figures. Blocks until every reading is stored."""
    model = _model()
    try:
        count = _refuse(replace(options, rate=0), say)
        live = replace(options, rate=options.rate or LIVE_RATE)
        seconds = max(LEAST_S, count / SLOWEST)
        say(f"live load alone: {live.rate:,.0f} readings a second")
        with _live_load(live, seconds) as load:
            alone = load.rate_for(seconds)
        say("live load, and a replay")
        with _live_load(live, seconds) as load:
            _publish(model, RIGHT)
            run = replay.start(Selection(model=NAME), dry_run=False, by="benchmark")
            beside = load.rate_until(lambda: _is_over(run))
        return _report(run, live, alone, beside)
    finally:
        withdraw(model)


def _model() -> DataModel:
    model = DataModel.objects.filter(name=NAME).first()
    if model is None:
        model = drafting.save(_spec(TOO_LOW), "Made and used by the benchmark of replaying.")
    resume(model)
    _publish(model, TOO_LOW)
    return model


def _spec(maximum: float) -> ModelSpec:
    fields = (
        FieldSpec(name="speed", kind="number", unit="km/h", minimum=-10, maximum=maximum, required=True),
        *(FieldSpec(name=name, kind="number", unit="deg") for name in ("heading", "latitude", "longitude")),
    )
    return ModelSpec(name=NAME, topic_filter=f"{TOPIC}/+/telemetry", fields=fields)


def _publish(model: DataModel, maximum: float) -> None:
    drafting.replace(model, _spec(maximum))
    publish(model, by="benchmark")


def _refuse(options: Options, say: Callable[[str], None]) -> int:
    """Publish readings that are refused, and return how many are in quarantine by now."""
    prefix = new_prefix()
    devices = max(options.devices, -(-options.count // A_DEVICE))
    say(f"publishing {options.count:,} readings that are refused")
    load = RunningLoad(replace(options, topic=TOPIC, devices=devices), prefix)
    load.wait()
    expected: int = load.answer["acked"]
    kept, changed = -1, time.monotonic()
    while kept < expected:
        time.sleep(POLL_S)
        before, kept = kept, Quarantined.objects.filter(model__name=NAME, device__startswith=prefix).count()
        if kept != before:
            changed = time.monotonic()
        elif time.monotonic() - changed > PATIENCE_S:
            raise BenchFailed(f"{expected - kept:,} refused readings are not in quarantine; see `manage.py audit`")
    return kept


class _Live:
    """A load that runs, and how many of its readings are stored a second."""

    def __init__(self, options: Options, prefix: str) -> None:
        self.prefix = prefix
        self.load = RunningLoad(options, prefix)

    def rate_for(self, seconds: float) -> float:
        """Return the rate over some seconds."""
        end = time.monotonic() + seconds
        return self.rate_until(lambda: time.monotonic() >= end)

    def rate_until(self, is_over: Callable[[], bool]) -> float:
        """Return the rate until something is over, or until the load is."""
        began, before = time.monotonic(), stored_within_the_hour(self.prefix)
        while not (is_over() or self.load.is_over):
            time.sleep(POLL_S)
        after, ended = stored_within_the_hour(self.prefix), time.monotonic()
        return (after - before) / (ended - began)


@contextmanager
def _live_load(options: Options, seconds: float) -> Iterator[_Live]:
    """Run a load for some seconds after it has warmed up; wait in the end until all of it is stored."""
    live = _Live(replace(options, count=round(options.rate * (seconds + 2 * WARM_UP_S))), new_prefix())
    time.sleep(WARM_UP_S)
    yield live
    live.load.wait()
    wait_for_rows(live.prefix, live.load.answer["acked"])


def _is_over(run: Replay) -> bool:
    run.refresh_from_db()
    return run.state != Replay.State.RUNNING


def _report(run: Replay, live: Options, alone: float, beside: float) -> dict[str, Any]:
    """Wait for the end of the replay and return what was measured."""
    while not _is_over(run):
        time.sleep(POLL_S)
    if run.finished_at is None:
        raise BenchFailed(f"the replay did not end: {run.state} {run.error}")
    seconds = (run.finished_at - run.created_at).total_seconds()
    books = settled_audit()
    return {
        "benchmark": "replay",
        "records": run.total,
        "stored": run.stored,
        "failing": run.failing,
        "seconds": round(seconds, 2),
        "records_per_second": round(run.examined / seconds),
        "live": {
            "rate": live.rate,
            "alone_per_second": round(alone),
            "during_replay_per_second": round(beside),
            "share": round(beside / alone, 3) if alone else None,
        },
        "ledger": asdict(books.total) | {"expired": books.expired, "balanced": books.balanced},
    }
