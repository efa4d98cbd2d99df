"""A model with a field of every kind, readings of it, and how tests export and import them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.db import connection

from ingest.ring import Ring
from validation.exports import Checksum, RowStream, checksum, rows_query, to_parquet
from validation.imports import Importer, begin
from validation.imports.sending import Door
from validation.models import DataModel, Field, Import
from validation.publishing import publish
from validation.spec import ModelSpec
from validation.tests.conftest import Worker

FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "speed", "kind": "number"},
    {"name": "count", "kind": "integer"},
    {"name": "braking", "kind": "boolean", "path": "state.braking"},
    {"name": "driver", "kind": "text"},
    {"name": "gear", "kind": "choice", "choices": "=1,+2,low"},
    {"name": "serviced_at", "kind": "timestamp"},
    {"name": "position", "kind": "point", "path": "gps"},
)


def publish_everything(name: str, **settings: Any) -> ModelSpec:
    """Publish a model with a field of every kind, which keeps what it does not name."""
    model = DataModel.objects.create(
        name=name, **{"topic_filter": f"{name}/+/telemetry", "unknown": "keep", **settings}
    )
    for place, field in enumerate(FIELDS):
        Field.objects.create(model=model, position=place, **field)
    publish(model)
    return model.spec()


def exported(model: str, form: str = "csv", **wanted: Any) -> bytes:
    """Return the export of a model as one file."""
    query = rows_query(model, **wanted)
    stream = RowStream(query, guarded=form == "csv")
    return b"".join(stream.blocks() if form == "csv" else to_parquet(query, stream.blocks()))


def summed(model: str) -> Checksum:
    """Return the checksum of all that is stored of a model."""
    return checksum(rows_query(model))


def started(path: Path, model: str, *, form: str = "", dry_run: bool = False, **said: Any) -> Import:
    """Begin an import of a file."""
    return begin(path, model=model, form=form, said=said, dry_run=dry_run, by="a test")


def importer(worker: Worker) -> Importer:
    """Return an importer that sends into the worker's buffer and wakes nobody."""
    return Importer(Door(Ring([worker.url]), lambda buffer: None))


def finish(run: Import, worker: Worker) -> Import:
    """Take an import to its end, its rows stored by the worker."""
    by, deadline = importer(worker), time.monotonic() + 60
    while by.advance(run.pk, 0.2):
        worker.work()
        assert time.monotonic() < deadline, "an import does not end"
    run.refresh_from_db()
    return run


def imported(path: Path, model: str, worker: Worker, **said: Any) -> Import:
    """Import a file, to the end."""
    return finish(started(path, model, **said), worker)


def empty(model: str) -> None:
    """Forget all readings of a model."""
    with connection.cursor() as cursor:
        cursor.execute(f'TRUNCATE telemetry."{model}"')
