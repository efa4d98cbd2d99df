"""What a question can be about: models with their fields, devices with their tags, and tags."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import Count

from ingest.devices import tags_like
from validation import selectors
from validation.models import Latest

MOST_TAGS = 1_000


def options(q: str, model: str | None, tags: Sequence[str], limit: int) -> dict[str, Any]:
    """Return all models, and the first devices and tags with `q` in their names, in alphabetical order.

    Devices are those that sent readings, of one model and with one of some tags where they are given.
    """
    found = _devices(q, model, tags, limit + 1)
    counts = Counter(dict(Latest.objects.values_list("model__name").annotate(Count("id"))))
    return {
        "models": [
            {
                "name": name,
                "fields": [
                    {"name": field.name, "label": field.label or field.name, "unit": field.unit, "kind": field.kind}
                    for field in spec.fields
                ],
                "devices": counts[name],
            }
            for name, spec in selectors.model_specs().items()
        ],
        "devices": found[:limit],
        "more_devices": len(found) > limit,
        "tags": tags_like(q, MOST_TAGS),
    }


def _devices(q: str, model: str | None, tags: Sequence[str], limit: int) -> list[dict[str, Any]]:
    rows = Latest.objects.filter(device__name__icontains=q).order_by("device__name", "model__name")
    if model is not None:
        rows = rows.filter(model__name=model)
    if tags:
        rows = rows.filter(device__tags__overlap=list(tags))
    columns = rows.values_list("device__name", "model__name", "device__tags")[:limit]
    return [{"name": device, "model": name, "tags": marked} for device, name, marked in columns]
