"""Publish a data model: the one door through which what people wrote becomes what workers judge by."""

from __future__ import annotations

import msgspec
from django.core.exceptions import ValidationError
from django.db import transaction

from ingest.topics import InvalidTopic, check_filter
from validation.catalog import Catalog
from validation.models import DataModel, ModelVersion
from validation.schema import CompiledModel, compile_model
from validation.spec import MODEL_NAME, ModelSpec, faults_of_limits, faults_of_names
from validation.tables import columns, ensure_table, faults_of_types


def check(spec: ModelSpec) -> None:
    """Raise ValidationError, with sentences for people, when a model cannot be published. Changes nothing."""
    faults = faults_of_names(spec) + faults_of_limits(spec)
    if not spec.fields:
        faults.append("A model needs at least one field.")
    try:
        check_filter(spec.topic_filter)
    except InvalidTopic as fault:
        faults.append(str(fault))
    if MODEL_NAME.fullmatch(spec.name):  # otherwise there is no table to ask for
        faults += faults_of_types(spec, columns(spec.name))
    if faults:
        raise ValidationError(faults)
    try:
        compile_model(spec, version=0)
    except (ValueError, TypeError) as error:
        raise ValidationError(f"The model cannot be compiled: {error}") from error


def publish(model: DataModel) -> ModelVersion:
    """Make the model's saved state its newest version and give its table the columns; a no-op when nothing changed.

    Table and version appear in one transaction: a worker that sees the version finds the columns. Blocks while another
    process publishes the same model, and for up to some 20 s while readers or writers leave its table no gap.

    Raises ValidationError with sentences for people when the state cannot become a table, OperationalError when the
    table left no gap, and DataModel.DoesNotExist when somebody deleted the model. Nothing has changed then.
    """
    with transaction.atomic():
        # Two people who publish at once must not both become the same number. The key itself stays free: a worker that
        # stores a reading refers to it, and holds what the table's change waits for.
        saved = DataModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        spec = saved.spec()
        newest = saved.versions.order_by("-number").first()
        # Compared as specifications, not as JSON: there a tuple is a list, and an attribute may not have existed yet.
        if newest is not None and msgspec.convert(newest.spec, ModelSpec) == spec:
            return newest
        check(spec)
        ensure_table(spec)
        number = newest.number + 1 if newest else 1
        return ModelVersion.objects.create(model=saved, number=number, spec=msgspec.to_builtins(spec))


def rivals(model: DataModel) -> list[DataModel]:
    """Return the other published models that are for some of the same topics, oldest first. A topic is the oldest's."""
    others = DataModel.objects.filter(published=True).exclude(pk=model.pk).order_by("pk")
    levels = model.topic_filter.split("/")
    return [other for other in others if _overlap(levels, other.topic_filter.split("/"))]


def _overlap(one: list[str], other: list[str]) -> bool:
    """Tell whether two topic filters, as levels, have a topic in common."""
    if not one or not other:
        return (one or other or ["#"]) == ["#"]  # which stands for no level, too
    if "#" in (one[0], other[0]):
        return True
    return (one[0] == other[0] or "+" in (one[0], other[0])) and _overlap(one[1:], other[1:])


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
