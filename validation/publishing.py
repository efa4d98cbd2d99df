"""Publish a data model: the one door through which what people wrote becomes what workers judge by.

The rows of a model are its draft. Publishing makes an immutable version of them; `revert` makes a draft of a version.
Each topic belongs to one model in service at most.
"""

from __future__ import annotations

import logging
import time

import msgspec
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet

from ingest.topics import InvalidTopic, check_filter, common_topic
from validation import drafting
from validation.catalog import Catalog
from validation.changes import differences
from validation.models import DataModel, ModelVersion
from validation.schema import CompiledModel, compile_model
from validation.spec import MODEL_NAME, ModelSpec, faults_of_limits, faults_of_names, faults_of_source
from validation.tables import columns, ensure_table, faults_of_types
from validation.units import fault_of_unit

log = logging.getLogger(__name__)


def check(spec: ModelSpec) -> None:
    """Raise ValidationError, with sentences for people, when a model cannot be published. Changes nothing."""
    faults = faults_of_names(spec) + faults_of_source(spec) + faults_of_limits(spec)
    units = ((field.name, fault_of_unit(field.unit)) for field in spec.fields)
    faults += [f"The unit of the field {name!r}: {fault}" for name, fault in units if fault]
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


def publish(model: DataModel, by: str = "") -> ModelVersion:
    """Make the model's draft its newest version and give its table the columns; a no-op when nothing changed.

    Table and version appear in one transaction: a worker that sees the version finds the columns. Blocks while another
    process publishes, and for up to some 20 s while readers or writers leave the table no gap.

    Raises ValidationError with sentences for people when the draft cannot become a table or another model in service
    has some of its topics, OperationalError when the table left no gap, and DataModel.DoesNotExist when somebody
    deleted the model. Nothing has changed then.
    """
    with transaction.atomic():
        _alone()
        # Two people who publish at once must not both become the same number. The key itself stays free: a worker that
        # stores a reading refers to it, and holds what the table's change waits for.
        saved = DataModel.objects.select_for_update(no_key=True).get(pk=model.pk)
        spec, last = saved.spec(), newest(saved)
        before = spec_of(last)
        # Compared as specifications, not as JSON: there a tuple is a list, and an attribute may not have existed yet.
        if last is not None and before == spec:
            ensure_table(spec)  # which a model that was imported with its history does not have yet
            return last
        check(spec)
        if saved.published:
            _refuse_rivals(saved, spec)
        started = time.perf_counter()
        changed = ensure_table(spec)
        version = ModelVersion.objects.create(
            model=saved,
            number=last.number + 1 if last else 1,
            spec=msgspec.to_builtins(spec),
            changes=differences(before, spec),
            published_by=by,
        )
        if changed:
            transaction.on_commit(lambda: _tell_lock(version, time.perf_counter() - started))
        return version


def pending(model: DataModel) -> list[str]:
    """Return in words what the draft changes against the newest version; empty when there is nothing to publish."""
    return differences(spec_of(newest(model)), model.spec())


def newest(model: DataModel) -> ModelVersion | None:
    """Return the newest version of a model, None when it was never published."""
    return model.versions.order_by("-number").first()


def spec_of(version: ModelVersion | None) -> ModelSpec | None:
    """Return what a version says, as a plain value."""
    return msgspec.convert(version.spec, ModelSpec) if version else None


def revert(model: DataModel, number: int) -> None:
    """Make the draft what a version says; raises ModelVersion.DoesNotExist. It takes effect when it is published."""
    version = model.versions.get(number=number)
    drafting.replace(model, msgspec.convert(version.spec, ModelSpec))


def withdraw(model: DataModel) -> None:
    """Take a model out of service: from now on its readings wait in quarantine."""
    DataModel.objects.filter(pk=model.pk).update(published=False)
    model.published = False


def resume(model: DataModel) -> None:
    """Take a model into service again; raises ValidationError when another one has some of its topics by now."""
    with transaction.atomic():
        _alone()
        spec = spec_of(newest(model))
        if spec is not None:
            _refuse_rivals(model, spec)
            check(spec)
            ensure_table(spec)
        DataModel.objects.filter(pk=model.pk).update(published=True)
    model.published = True


def rivals(model: DataModel, spec: ModelSpec | None = None) -> list[tuple[ModelVersion, str]]:
    """Return the versions in service of other models that share topics with a draft, each with such a topic."""
    wanted = (spec or model.spec()).topic_filter
    found = []
    for version in _in_service().exclude(model_id=model.pk).select_related("model"):
        topic = common_topic(wanted, version.spec["topic_filter"])
        if topic is not None:
            found.append((version, topic))
    return found


def _refuse_rivals(model: DataModel, spec: ModelSpec) -> None:
    faults = [
        f"The model {version.model} ({version.spec['topic_filter']}) is in service for some of the same topics, such "
        f"as {topic}. Narrow one of the two topic filters, or take {version.model} out of service first."
        for version, topic in rivals(model, spec)
    ]
    if faults:
        raise ValidationError(faults)


def _alone() -> None:
    """Let nobody else publish until this transaction ends: two could take one topic without seeing each other."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('dataflow:publishing'))")


# What `_in_service` finds, as numbers.
IN_SERVICE = (
    "SELECT DISTINCT ON (v.model_id) v.id FROM validation_modelversion v "
    "JOIN validation_datamodel m ON m.id = v.model_id WHERE m.published ORDER BY v.model_id, v.number DESC"
)


def _in_service() -> QuerySet[ModelVersion]:
    return ModelVersion.objects.filter(model__published=True).order_by("model_id", "-number").distinct("model_id")


def _tell_lock(version: ModelVersion, seconds: float) -> None:
    version.locked_ms = seconds * 1000
    log.info("the table of %s was changed; it was locked for %.1f ms", version.model, version.locked_ms)


class Published:
    """The catalogue of what is published, kept until that changes. Not for several threads at once."""

    def __init__(self) -> None:
        self._compiled: dict[int, CompiledModel] = {}
        self._catalog = Catalog()
        self._versions: list[int] | None = None
        self.model_ids: dict[str, int] = {}

    def catalog(self) -> Catalog:
        """Return the catalogue of this moment; one small query, and compiling only what is new."""
        with connection.cursor() as cursor:  # by hand, because it is asked for each chunk
            cursor.execute(IN_SERVICE)
            versions = [version for (version,) in cursor.fetchall()]
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
