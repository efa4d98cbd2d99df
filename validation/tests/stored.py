"""Published models and stored readings for tests of whoever reads them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from psycopg.sql import SQL, Identifier

from ingest.models import Device
from validation.models import DataModel, Field, Latest
from validation.moments import moment
from validation.publishing import publish
from validation.rollups.running import Roller
from validation.spec import ModelSpec
from validation.tables import ensure_partitions, table

VAN_FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "speed", "unit": "km/h", "label": "Speed", "required": True},
    {"name": "gear", "kind": "integer"},
    {"name": "braking", "kind": "boolean"},
    {"name": "driver", "kind": "text", "label": "Who drives"},
    {"name": "serviced_at", "kind": "timestamp"},
)


def publish_model(name: str = "van", fields: tuple[dict[str, Any], ...] = VAN_FIELDS) -> ModelSpec:
    """Publish a model whose devices stand in the topic; once more when it exists, with the fields given now."""
    model, _ = DataModel.objects.get_or_create(name=name, defaults={"topic_filter": f"{name}s/+/telemetry"})
    model.fields.all().delete()
    for position, field in enumerate(fields):
        Field.objects.create(model=model, position=position, **field)
    publish(model)
    return model.spec()


Readings = list[tuple[float, dict[str, Any]]]


def store(spec: ModelSpec, device: str, readings: Readings, *, seen: float | None = None, seq: int = 0) -> Device:
    """Store readings, each an event time and its values, and note the newest as a worker would.

    They arrived at `seen`, or at their own event times.
    """
    found, _ = Device.objects.get_or_create(name=device)
    ensure_partitions(spec.name, {instant(ts).date() for ts, _ in readings})
    names = list(dict.fromkeys(name for _, values in readings for name in values))
    rows = [
        [instant(ts), instant(seen or ts), seq, found.pk, 1, *(values.get(name) for name in names)]
        for ts, values in readings
    ]
    insert(spec, ["ts", "received_at", "seq", "device_id", "version", *names], rows)
    ts, values = max(readings, key=lambda reading: reading[0])
    note(spec, found, ts, values, seen or ts, seq)
    return found


def roll_up() -> None:
    """Compute the rollups of all that is stored and has none yet, as the task would."""
    while Roller().run(10, patient=False):
        pass


def insert(spec: ModelSpec, columns: list[str], rows: list[list[Any]]) -> None:
    """Insert rows."""
    statement = SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table(spec.name),
        SQL(", ").join(map(Identifier, columns)),
        SQL(", ").join([SQL("%s")] * len(columns)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, rows)


def note(spec: ModelSpec, device: Device, ts: float, values: dict[str, Any], seen: float, seq: int = 0) -> None:
    """Make a reading the newest one of its device."""
    plain = json.loads(json.dumps(values, default=lambda value: value.timestamp()))
    Latest.objects.update_or_create(
        device=device,
        model=DataModel.objects.get(name=spec.name),
        defaults={
            "ts": instant(ts),
            "seq": seq,
            "received_at": instant(seen),
            "last_seen_at": instant(seen),
            "values": plain,
        },
    )


def instant(ts: float) -> datetime:
    """Return seconds since 1970 as a time in UTC."""
    return moment(round(ts * 1e6)).astimezone(UTC)
