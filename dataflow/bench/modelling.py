"""Does it cost throughput that many models are in service, and that readings are of many models?

Three loads of the same size, one after the other: with the models that are there, with `MODELS` more in service, and
with readings of all of those in turn. The readings stay; the models are taken out of service at the end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from dataflow.bench import throughput
from dataflow.bench.load import numbered
from dataflow.bench.throughput import Options
from validation import drafting
from validation.models import DataModel
from validation.publishing import publish, resume, withdraw
from validation.samples import VEHICLE

MODELS = 200
IN_EFFECT_S = 3.0  # until every worker knows them
NAME = "bench_many"


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the three loads and return their figures and ratios. Blocks until every reading is stored."""
    one = throughput.measure(options, say)
    say(f"publishing {MODELS} models")
    models = [_model(numbered(NAME, number)) for number in range(MODELS)]
    time.sleep(IN_EFFECT_S)
    try:
        beside = throughput.measure(options, say)
        many = replace(options, topic=NAME, topics=MODELS)
        spread = throughput.measure(many, say, [model.name for model in models])
    finally:
        say("taking the models out of service")
        for model in models:
            withdraw(model)
    rates = [report["readings_per_second"] for report in (one, beside, spread)]
    return {
        "benchmark": "models",
        "models": MODELS,
        "readings_per_second": dict(zip(("alone", "beside_the_models", "of_all_models"), rates, strict=True)),
        "share": {"beside_the_models": round(rates[1] / rates[0], 3), "of_all_models": round(rates[2] / rates[0], 3)},
        "runs": [one, beside, spread],
        "ledger": spread["ledger"],
    }


def _model(name: str) -> DataModel:
    model = DataModel.objects.filter(name=name).first()
    if model is None:
        model = drafting.save(msgspec.structs.replace(VEHICLE, name=name, topic_filter=f"{name}/+/telemetry"), "")
        publish(model, by="benchmark")
    resume(model)
    return model
