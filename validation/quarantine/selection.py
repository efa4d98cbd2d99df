"""Say which records of quarantine are meant, and read them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec
import orjson
from django.db.models import QuerySet

from validation.models import DataModel, Quarantined
from validation.selectors import bounded_read


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """Which records; all conditions must hold, and without any it is all of quarantine.

    `model` is a name, or empty for topics of no model. `code` and `place` are those of the first reason. `topic` is one
    topic, `topic_filter` (MQTT) stands for many. `since` is included, `until` is not; both are times of receipt.
    """

    model: str | None = None
    code: str | None = None
    place: str | None = None
    device: str | None = None
    topic: str | None = None
    topic_filter: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ids: tuple[int, ...] = ()


def select(selection: Selection) -> QuerySet[Quarantined]:
    """Return the selected records; asks at once for the model's id, and for nothing else."""
    found = Quarantined.objects.all()
    if selection.model is not None:
        # By its id: a join, or a question inside the question, would keep the index from giving the order as well.
        found = found.filter(model_id=_model_id(selection.model)) if selection.model else found.filter(model_id=None)
    for column in ("code", "place", "device", "topic"):
        wanted = getattr(selection, column)
        if wanted is not None:
            found = found.filter(**{column: wanted})
    if selection.topic_filter is not None:
        found = found.filter(topic__regex=_expression(selection.topic_filter))
    if selection.since is not None:
        found = found.filter(received_at__gte=selection.since)
    if selection.until is not None:
        found = found.filter(received_at__lt=selection.until)
    return found.filter(pk__in=selection.ids) if selection.ids else found


def _expression(topic_filter: str) -> str:
    """Return a regular expression of PostgreSQL for the topics that a filter matches."""
    levels = [{"+": "[^/]*", "#": ".*"}.get(level, re.escape(level)) for level in topic_filter.split("/")]
    expression = "/".join(levels)
    # What # stands for may be nothing at all, and then the slash before it is missing, too.
    return f"^{expression[:-3]}(/.*)?$" if expression.endswith("/.*") else f"^{expression}$"


def _model_id(name: str) -> int:
    """Return the id of a model, or one that no model has."""
    return DataModel.objects.filter(name=name).values_list("pk", flat=True).first() or -1


def records(
    selection: Selection, limit: int = 50, before: int | None = None, *, payloads: bool = True
) -> list[Quarantined]:
    """Return selected records with their models, the newest (largest id) first, only ids below `before` if given.

    Without `payloads` these stay in the database until one is looked at. Raises selectors.TooSlow.
    """
    found = select(selection).select_related("model").order_by("-pk")
    if not payloads:
        found = found.defer("payload")
    if before is not None:
        found = found.filter(pk__lt=before)
    with bounded_read():
        return list(found[:limit])


def decoded(record: Quarantined) -> Any | None:
    """Return the JSON that a record's payload is, None when it is none. Pure."""
    try:
        return orjson.loads(bytes(record.payload))
    except orjson.JSONDecodeError:
        return None
