"""Answer what there is: devices and how they are, models, fields, tags."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from psycopg import ClientCursor
from psycopg.sql import SQL

from insights.questions.query import Query
from insights.questions.results import Result, Row
from insights.questions.statements import MOST_ROWS
from insights.questions.vocabulary import Vocabulary
from validation import selectors
from validation.presence import Status, expected_interval, status

RANKS: tuple[Status, ...] = ("online", "late", "offline")
DEVICES = SQL(
    "SELECT d.name AS device, m.name AS model, l.last_seen_at, d.expected_interval_s, l.interval_s, d.tags\n"
    "FROM ingest_device d LEFT JOIN validation_latest l ON l.device_id = d.id\n"
    "LEFT JOIN validation_datamodel m ON m.id = l.model_id\nORDER BY d.name, m.name"
)
MODELS = SQL(
    "SELECT DISTINCT ON (m.name) m.name AS model, v.number AS version, v.spec -> 'fields' AS fields\n"
    "FROM validation_datamodel m JOIN validation_modelversion v ON v.model_id = m.id\nORDER BY m.name, v.number DESC"
)


def listed(query: Query, vocabulary: Vocabulary, now: datetime) -> Result:
    """Return what a query of the kind `list` asks for. Blocks for one query; raises nothing of its own."""
    made = {"devices": _devices, "models": _models, "fields": _fields, "tags": _tags}[query.about or "devices"]
    rows = made(query, vocabulary, now)
    connection.ensure_connection()
    statement = MODELS if query.about in ("models", "fields") else DEVICES
    shown = ClientCursor(connection.connection).mogrify(statement) + ";"
    return Result(number=float(len(rows)), rows=rows[:MOST_ROWS], in_all=len(rows), sql=[shown])


def _devices(query: Query, vocabulary: Vocabulary, now: datetime) -> list[Row]:
    """Return the devices by name, each once: as it is in the model in which it is best."""
    found: dict[str, Row] = {}
    for row in selectors.presences():
        known = vocabulary.devices.get(row.device)
        if known is None or (query.models and row.model not in query.models):
            continue
        if (query.tags and not set(query.tags) & set(known.tags)) or (
            query.devices and row.device not in query.devices
        ):
            continue
        seen = row.last_seen.timestamp() if row.last_seen else None
        state = status(seen, expected_interval(row.override, row.learned), now.timestamp())
        before = found.get(row.device)
        if before is None or RANKS.index(state) < RANKS.index(before["status"]):
            found[row.device] = {
                "device": row.device, "status": state, "last_seen": row.last_seen, "model": row.model,
                "tags": ", ".join(known.tags),
            }  # fmt: skip
    return [row for row in found.values() if query.status in (None, row["status"])]


def _models(query: Query, vocabulary: Vocabulary, now: datetime) -> list[Row]:
    return [
        {
            "model": name,
            "fields": ", ".join(field.name for field in spec.fields),
            "devices": len(vocabulary.senders(name)),
        }
        for name, spec in vocabulary.models.items()
        if not query.models or name in query.models
    ]


def _fields(query: Query, vocabulary: Vocabulary, now: datetime) -> list[Row]:
    models = query.models or tuple(
        dict.fromkeys(model for name in query.devices for model in vocabulary.devices[name].models)
    )
    return [
        {"model": name, "field": field.name, "label": field.label, "unit": field.unit, "kind": field.kind}
        for name, spec in vocabulary.models.items()
        if not models or name in models
        for field in spec.fields
    ]


def _tags(query: Query, vocabulary: Vocabulary, now: datetime) -> list[Row]:
    return [
        {"tag": tag, "devices": sum(tag in device.tags for device in vocabulary.devices.values())}
        for tag in sorted(vocabulary.tags)
    ]
