"""A model with its whole history as one JSON file, out and in.

    {"format": "dataflow-model", "version": 1, "name": …, "description": …, "draft": {…},
     "versions": [{"number": 1, "published_at": …, "published_by": …, "changes": […], "spec": {…}}, …]}

`draft` and each `spec` say what `validation.spec.ModelSpec` says, under the same names.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
import orjson
from django.core.exceptions import ValidationError
from django.db import transaction

from validation import drafting, publishing
from validation.models import DataModel, ModelVersion
from validation.spec import MAX_FIELDS, MAX_RULES, ModelSpec, faults_of_names

MAX_BYTES = 4 * 1_048_576  # of a document; a version of 20 fields takes 3 KB
MAX_VERSIONS = 1_000
MAX_CHANGES = 1_000  # sentences of one version
LAST_NUMBER = 2**31 - 1  # what its column holds


class Version(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A published version in a bundle."""

    number: int
    published_at: datetime
    spec: ModelSpec
    published_by: str = ""
    changes: list[str] = []


class Bundle(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model with its history; `version` is that of the format."""

    format: Literal["dataflow-model"]
    version: Literal[1]
    name: str
    draft: ModelSpec
    description: str = ""
    versions: list[Version] = []


def bundle(model: DataModel) -> dict[str, Any]:
    """Return a model with its history, oldest version first, as what JSON can say."""
    versions = [
        Version(
            number=row.number,
            published_at=row.published_at,
            published_by=row.published_by,
            changes=row.changes,
            spec=msgspec.convert(row.spec, ModelSpec),
        )
        for row in model.versions.order_by("number")
    ]
    whole = Bundle(
        format="dataflow-model",
        version=1,
        name=model.name,
        description=model.description,
        draft=model.spec(),
        versions=versions,
    )
    document: dict[str, Any] = msgspec.to_builtins(whole)
    return document


def load_bundle(
    document: Any, by: str = "", *, name: str = "", topic_filter: str = "", publish: bool = False
) -> DataModel:
    """Make a model of a bundle, or a new draft of the model that has its name.

    A new model gets the history as records and is not in service, and no table is made, until it is published: by
    `publish`, or by a person. The draft of an existing model is replaced when its table has room for it; its own
    history stays, and that of the bundle is left out. Name and topic filter are those of the bundle unless given.

    Raises ValidationError, with sentences for people; nothing has changed then.
    """
    found = _checked(document)
    draft = msgspec.structs.replace(
        found.draft, name=name or found.name, topic_filter=topic_filter or found.draft.topic_filter
    )
    with transaction.atomic():
        if DataModel.objects.filter(name=draft.name).exists():
            return adopt(draft, by=by, publish=publish)
        if found.versions:
            publishing.check(msgspec.structs.replace(found.versions[-1].spec, name=draft.name))
        model = drafting.save(draft, found.description, published=not found.versions)
        _keep(model, found.versions)
        if publish:
            publishing.publish(model, by)
            publishing.resume(model)
    return model


def adopt(spec: ModelSpec, description: str = "", *, by: str = "", publish: bool = False) -> DataModel:
    """Make a model of a specification, or a new draft of the model that has its name, when its table has room for it.

    Raises ValidationError, with sentences for people; nothing has changed then.
    """
    with transaction.atomic():
        publishing.check(spec)
        model = DataModel.objects.filter(name=spec.name).first()
        if model is None:
            model = drafting.save(spec, description)
        else:
            drafting.replace(model, spec)
        if publish:
            publishing.publish(model, by)
            publishing.resume(model)
    return model


def _checked(document: Any) -> Bundle:
    """Return a document as a bundle; raise ValidationError for what is none, or for what no row has room for."""
    try:
        text = orjson.dumps(document)
        found = msgspec.convert(document, Bundle)
    except (TypeError, msgspec.ValidationError, RecursionError) as error:
        raise ValidationError(f"The document is no model with its history: {error}.") from error
    faults = faults_of_names(found.draft)
    if len(text) > MAX_BYTES:
        faults.append(f"The document has {len(text):,} bytes; {MAX_BYTES:,} are allowed.")
    if b"\\u0000" in text:
        faults.append("The document holds U+0000, which cannot be stored.")
    if len(found.versions) > MAX_VERSIONS:
        faults.append(f"{len(found.versions):,} versions are more than the {MAX_VERSIONS:,} that can be imported.")
    numbers = [version.number for version in found.versions]
    if numbers != sorted(set(numbers)) or any(not 1 <= number <= LAST_NUMBER for number in numbers):
        faults.append("The versions must be numbered from 1 on, each number once, in their order.")
    for version in found.versions[:MAX_VERSIONS]:
        faults += _faults_of_version(version)
    if faults:
        raise ValidationError(faults[:20])
    return found


def _faults_of_version(version: Version) -> list[str]:
    faults = [f"Version {version.number}: {fault}" for fault in faults_of_names(version.spec)]
    too_much = len(version.spec.fields) > MAX_FIELDS or len(version.spec.rules) > MAX_RULES
    if too_much or len(version.changes) > MAX_CHANGES or len(version.published_by) > 150:
        faults.append(f"Version {version.number} has more fields, rules or changes than a version can have.")
    if version.published_at.tzinfo is None:
        faults.append(f"Version {version.number} does not say in which zone it was published.")
    return faults


def _keep(model: DataModel, versions: list[Version]) -> None:
    """Write the history of a new model. Its name is that of the model, which the table will have."""
    rows = [
        ModelVersion(
            model=model,
            number=version.number,
            spec=msgspec.to_builtins(msgspec.structs.replace(version.spec, name=model.name)),
            changes=version.changes,
            published_by=version.published_by,
        )
        for version in versions
    ]
    ModelVersion.objects.bulk_create(rows)
    for row, version in zip(rows, versions, strict=True):
        row.published_at = version.published_at  # creating it has set the moment of now
    ModelVersion.objects.bulk_update(rows, ["published_at"])
