"""Judge single payloads without any service, for the tests of the pure core."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from ingest.envelope import Batch
from validation.catalog import Catalog
from validation.pipeline import Judgement, judge
from validation.samples import SENSOR, VEHICLE
from validation.schema import compile_model
from validation.spec import ModelSpec

NOW = 1_760_000_000.0  # when everything is received: 2025-10-09
VEHICLE_TOPIC, SENSOR_TOPIC = b"vehicles/vehicle_01/telemetry", b"sensors/attic/telemetry"


def catalog_of(*specs: ModelSpec) -> Catalog:
    """Return a catalogue of models; of the two samples when none are given."""
    return Catalog([compile_model(spec, 1) for spec in specs or (VEHICLE, SENSOR)])


def batch_of(messages: Iterable[tuple[bytes, bytes]]) -> Batch:
    """Return messages, each a topic and a payload, as a batch received at NOW."""
    topics, payloads = zip(*messages, strict=True)
    return Batch(1, "test", int(NOW // 60), [NOW] * len(topics), list(topics), list(payloads))


def judged(catalog: Catalog, topic: bytes, payload: bytes) -> Judgement:
    """Judge one message."""
    return judge([batch_of([(topic, payload)])], catalog)


def codes(judgement: Judgement) -> list[list[str]]:
    """Return the codes of every rejection."""
    return [[reason.code for reason in rejected.reasons] for rejected in judgement.rejected]


def vehicle(**changes: Any) -> bytes:
    """Return the payload of a vehicle that is right but for some changes."""
    return orjson.dumps({"timestamp": NOW, "speed": 50.5, **changes})
