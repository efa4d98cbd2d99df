"""Find what an address names, or say what there is instead."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework.exceptions import NotFound

from validation.models import DataModel, ModelVersion
from validation.spec import MODEL_NAME

SHOWN = 10  # names, when one was asked for that is not


def model_of(name: str) -> DataModel:
    """Return the model of this name; raise NotFound with some that exist."""
    found = DataModel.objects.filter(name=name).first() if MODEL_NAME.fullmatch(name) else None
    if found is None:
        known = some(DataModel.objects.order_by("name").values_list("name", flat=True)[: SHOWN + 1])
        raise NotFound(f"There is no model {name!r}. There are: {known}; /api/v1/models lists them.", "unknown_model")
    return found


def version_of(model: DataModel, number: int) -> ModelVersion:
    """Return a version of a model; raise NotFound with those that it has."""
    found = model.versions.filter(number=number).first()
    if found is None:
        newest = model.versions.order_by("-number").values_list("number", flat=True).first()
        there_are = f"It has the versions 1 to {newest}." if newest else "It was never published."
        raise NotFound(f"The model {model} has no version {number}. {there_are}", "unknown_version")
    return found


def some(names: Iterable[str]) -> str:
    """Return the first of some names as a list for people."""
    known = list(names)
    return (", ".join(known[:SHOWN]) or "none yet") + (", …" if len(known) > SHOWN else "")
