"""Publish a data model: the one door through which what people wrote becomes what workers judge by."""

from __future__ import annotations

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from validation.catalog import Catalog
from validation.models import DataModel, ModelVersion
from validation.schema import CompiledModel, compile_model
from validation.spec import ModelSpec, faults_of_names
from validation.tables import columns, ensure_table, faults_of_types


def check(spec: ModelSpec) -> None:
    """Raise ValidationError, with sentences for people, when a model cannot be published. Changes nothing."""
    faults = faults_of_names(spec)
    if not spec.fields:
        faults.append("A model needs at least one field.")
    faults += faults_of_types(spec, columns(spec.name))
    if faults:
        raise ValidationError(faults)
    try:
        compile_model(spec, version=0)
    except (ValueError, TypeError) as error:
        raise ValidationError(f"The model cannot be compiled: {error}") from error


def publish(model: DataModel) -> ModelVersion:
    """Make the model's saved state its newest version and give its table the columns; a no-op when nothing changed.

    Table and version appear in one transaction: a worker that sees the version finds the columns. Raises
    ValidationError with a sentence for people when the state cannot become a table.
    """
    with transaction.atomic():
        # Two people who publish at once must not both become the same number.
        DataModel.objects.select_for_update().get(pk=model.pk)
        spec = model.spec()
        newest = model.versions.order_by("-number").first()
        document = msgspec.to_builtins(spec)
        if newest is not None and newest.spec == document:
            return newest
        check(spec)
        ensure_table(spec)
        number = newest.number + 1 if newest else 1
        return ModelVersion.objects.create(model=model, number=number, spec=document)


class Published:
    """The catalogue of what is published, kept until that changes. Not for several threads at once."""

    def __init__(self) -> None:
        self._compiled: dict[int, CompiledModel] = {}
        self._catalog = Catalog()
        self._versions: list[int] | None = None
        self.model_ids: dict[str, int] = {}

    def catalog(self) -> Catalog:
        """Return the catalogue of this moment; one small query, and compiling only what is new."""
        newest = list(
            ModelVersion.objects.filter(model__published=True)
            .order_by("model_id", "-number")
            .distinct("model_id")
            .values_list("id", "model_id")
        )
        versions = [version for version, _ in newest]
        if versions != self._versions:
            self._load(versions)
            self._versions = versions
        return self._catalog

    def _load(self, versions: list[int]) -> None:
        for row in ModelVersion.objects.filter(id__in=set(versions) - self._compiled.keys()):
            self._compiled[row.pk] = compile_model(msgspec.convert(row.spec, ModelSpec), row.number)
        self._compiled = {version: self._compiled[version] for version in versions}
        self._catalog = Catalog(self._compiled.values())
        self.model_ids = dict(DataModel.objects.values_list("name", "id"))
