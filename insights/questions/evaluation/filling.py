"""Store the fixed data set in an empty database, as a worker would have left it."""

from __future__ import annotations

from typing import Any

from django.db import connection
from psycopg.sql import SQL, Identifier

from ingest.models import Device
from insights.questions.evaluation.ground import SENDERS, Sender, readings
from validation.models import DataModel, Latest
from validation.samples import load_samples
from validation.tables import ensure_partitions, table


def fill() -> None:
    """Publish the two sample models and store the readings of all devices. Blocks for the database, half a second."""
    load_samples()
    models = {model.name: model for model in DataModel.objects.filter(name__in={sender.model for sender in SENDERS})}
    for sender in SENDERS:
        _store(sender, models[sender.model])


def _store(sender: Sender, model: DataModel) -> None:
    device, _ = Device.objects.get_or_create(name=sender.name, defaults={"tags": list(sender.tags)})
    found = list(readings(sender))
    ensure_partitions(sender.model, {ts.date() for ts, _ in found})
    names = sorted({name for _, values in found for name in values})
    times = [ts for ts, _ in found]
    columns: list[list[Any]] = [[values.get(name) for _, values in found] for name in names]
    statement = SQL(
        "INSERT INTO {} (ts, received_at, seq, device_id, version, {}) "
        "SELECT u.ts, u.ts, u.seq, %s, 1, {} FROM unnest(%s::timestamptz[], %s::bigint[], {}) AS u (ts, seq, {})"
    ).format(
        table(sender.model),
        SQL(", ").join(map(Identifier, names)),
        SQL(", ").join(SQL("u.{}").format(Identifier(name)) for name in names),
        SQL(", ").join([SQL("%s::float8[]")] * len(names)),
        SQL(", ").join(map(Identifier, names)),
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [device.pk, times, list(range(len(times))), *columns])
    ts, values = found[-1]
    Latest.objects.create(
        device=device, model=model, ts=ts, seq=len(found) - 1, received_at=ts, last_seen_at=ts, values=values,
        interval_s=sender.interval_s,
    )  # fmt: skip
