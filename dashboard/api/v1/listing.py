"""What lists say of the models, read with a handful of queries for all of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from validation.changes import differences
from validation.models import DataModel, ModelVersion
from validation.publishing import spec_of
from validation.rates import NOTHING, accept_rates
from validation.spec import ModelSpec


def overview() -> list[dict[str, Any]]:
    """Return every model with its newest version, what its draft changes, and how much passed lately, by name."""
    return _listed(DataModel.objects.prefetch_related("fields", "rules").order_by("name"))


def listed(model: DataModel) -> dict[str, Any]:
    """Return the same of one model."""
    return _listed([model])[0]


def _listed(models: Iterable[DataModel]) -> list[dict[str, Any]]:
    models = list(models)
    rates = accept_rates()
    newest = {
        version.model_id: version
        for version in ModelVersion.objects.filter(model__in=models)
        .order_by("model_id", "-number")
        .distinct("model_id")
    }
    return [_row(model, newest.get(model.pk), rates.get(model.name, NOTHING)._asdict()) for model in models]


def _row(model: DataModel, version: ModelVersion | None, rate: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": model.name,
        "description": model.description,
        "topic_filter": model.topic_filter,
        "in_service": model.published and version is not None,
        "version": version.number if version else None,
        "published_at": version.published_at if version else None,
        "changes": differences(spec_of(version), _draft(model)),
        "rate": rate,
    }


def _draft(model: DataModel) -> ModelSpec:
    """Return the draft from rows that were read for all models at once; their order is that of the models' Meta."""
    rows = list(model.fields.all())
    one_of = [row.name for row in rows if row.one_of]
    return model.spec([row.spec() for row in rows], one_of, [rule.spec() for rule in model.rules.all()])
