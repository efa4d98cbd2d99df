"""Change a model again and again while its readings flow: is anything lost, and how long do writers wait?

A model of its own, `bench_publishing`, on topics of its own. While the load runs, it gets a field, loses it, has an
integer become a number, and has its limits moved, one version after the other. The readings stay, and so do the
versions; the model is taken out of service at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from typing import Any

import msgspec

from dataflow.bench.throughput import Options, RunningLoad, settled_audit, wait_for_rows
from validation import drafting
from validation.models import DataModel
from validation.publishing import publish, resume, withdraw
from validation.spec import FieldSpec, ModelSpec
from validation.tables import columns

NAME, TOPIC = "bench_publishing", "bench-publishing"
PAUSE_S = 0.5  # between two versions
RATE = 10_000.0  # readings a second, unless somebody says otherwise


def specs(run: int, existing: dict[str, str]) -> Iterator[tuple[str, ModelSpec]]:
    """Yield what is published, one after the other, each with a word for it; names differ from run to run."""
    plain = ModelSpec(
        name=NAME,
        topic_filter=f"{TOPIC}/+/telemetry",
        fields=(
            FieldSpec(name="speed", kind="number", unit="km/h", minimum=0, maximum=250),
            FieldSpec(name="heading", kind="number", unit="deg"),
        ),
    )
    name = next(f"rpm_{number}" for number in range(run, run + 1_000) if f"rpm_{number}" not in existing)
    integer, number = FieldSpec(name=name, kind="integer"), FieldSpec(name=name, kind="number")
    wider = (msgspec.structs.replace(plain.fields[0], maximum=300.0 + run), *plain.fields[1:])
    for what, fields in (
        ("start", plain.fields),
        ("add", (*plain.fields, integer)),
        ("widen", (*plain.fields, number)),
        ("limits", (*wider, number)),
        ("remove", wider),
    ):
        yield what, msgspec.structs.replace(plain, fields=fields)


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Publish versions while the load runs; return the figures. Blocks until every reading is stored."""
    options = replace(options, topic=TOPIC, rate=options.rate or RATE)
    prefix = f"bench_{int(time.time()):x}_"
    waits: dict[str, list[float]] = {}
    model = _model()
    say(f"publishing {options.count:,} readings at {options.rate:,.0f} a second")
    load = RunningLoad(options, prefix)
    run = 0
    while run == 0 or not load.is_over:
        run += 1
        for what, spec in specs(run, columns(NAME)):
            drafting.replace(model, spec)
            waits.setdefault(what, []).append(_locked_ms(model))
            time.sleep(PAUSE_S)
    load.wait()
    wait_for_rows(prefix, load.answer["acked"], [NAME])
    books = settled_audit()
    withdraw(model)
    return {
        "benchmark": "publishing",
        "readings": load.answer["acked"],
        "rate": options.rate,
        "versions": sum(map(len, waits.values())),
        "locked_ms": {what: {"median": _middle(times), "max": round(max(times), 1)} for what, times in waits.items()},
        "ledger": asdict(books.total) | {"balanced": books.balanced},
    }


def _model() -> DataModel:
    model = DataModel.objects.filter(name=NAME).first()
    if model is None:
        model = drafting.save(next(specs(1, {}))[1], "Made and used by the benchmark of publishing.")
    resume(model)
    publish(model, by="benchmark")
    return model


def _locked_ms(model: DataModel) -> float:
    """Publish and return the milliseconds for which the table was locked."""
    return publish(model, by="benchmark").locked_ms


def _middle(times: list[float]) -> float:
    return round(sorted(times)[len(times) // 2], 1)
