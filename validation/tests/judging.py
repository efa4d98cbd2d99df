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
from validation.spec import FieldSpec, ModelSpec

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


def model(*fields: FieldSpec, **changes: Any) -> ModelSpec:
    """Return a model for VEHICLE_TOPIC."""
    return ModelSpec(**{"name": "vehicle", "topic_filter": "vehicles/+/telemetry", "fields": fields, **changes})


def judge_one(spec: ModelSpec, payload: Any) -> Judgement:
    """Judge one message of a model for VEHICLE_TOPIC; a payload that is not bytes is encoded as JSON."""
    return judged(catalog_of(spec), VEHICLE_TOPIC, payload if isinstance(payload, bytes) else orjson.dumps(payload))


def reading_of(spec: ModelSpec, payload: Any) -> Any:
    """Return the reading that a payload becomes; it must pass."""
    judgement = judge_one(spec, payload)
    assert judgement.rejected == [], judgement.rejected[0].reasons
    (rows,) = judgement.rows.values()
    return rows.readings[0]


def faults_of(spec: ModelSpec, payload: Any) -> list[tuple[str, str]]:
    """Return code and place of each fault of a payload, which must not pass."""
    judgement = judge_one(spec, payload)
    assert not judgement.rows
    return [(reason.code, reason.path) for reason in judgement.rejected[0].reasons]
