"""Bundles: a model with its history leaves one installation and comes into another."""

from __future__ import annotations

from typing import Any

import msgspec
import orjson
import pytest
from django.core.exceptions import ValidationError

from validation.exchange import bundle, load_bundle, templates
from validation.models import DataModel, Field, ModelVersion
from validation.publishing import Published, newest, pending, publish, resume, revert
from validation.samples import load_samples
from validation.spec import FieldSpec
from validation.tables import columns
from validation.tests.conftest import Worker
from validation.tests.replaying import rows

TOPIC = "buses/b1/telemetry"


def exported() -> dict[str, Any]:
    """Return the sample vehicle with two versions and a changed draft, as the text of a file would give it."""
    load_samples()
    vehicle = DataModel.objects.get(name="vehicle")
    Field.objects.filter(model=vehicle, name="speed").update(maximum=300)
    publish(vehicle, "ada")
    Field.objects.create(model=vehicle, name="rpm", kind="number", unit="/min", position=99)
    document: dict[str, Any] = orjson.loads(orjson.dumps(bundle(vehicle)))
    return document


def test_a_bundle_holds_the_draft_and_every_version(db: None) -> None:
    document = exported()
    assert (document["format"], document["version"], document["name"]) == ("dataflow-model", 1, "vehicle")
    assert [version["number"] for version in document["versions"]] == [1, 2]
    assert document["versions"][1]["published_by"] == "ada"
    assert document["versions"][1]["changes"] == ["`speed` maximum 250 → 300"]
    assert document["draft"]["fields"][-1]["name"] == "rpm"


def test_a_free_name_gets_draft_and_history_but_no_table_and_no_service(db: None) -> None:
    model = load_bundle(exported(), "bob", name="bus", topic_filter="buses/+/telemetry")
    assert not model.published
    assert columns("bus") == {}
    assert [(version.number, version.published_by) for version in model.versions.order_by("number")] == [
        (1, ""),
        (2, "ada"),
    ]
    original = ModelVersion.objects.get(model__name="vehicle", number=2)
    assert model.versions.get(number=2).published_at == original.published_at
    assert any("new optional field `rpm`" in words for words in pending(model))
    revert(model, 1)
    assert model.spec().fields[0].maximum == 250
    assert bundle(model)["versions"][0]["spec"]["name"] == "bus"


def test_an_imported_model_works_as_soon_as_it_is_published(worker: Worker) -> None:
    document = exported()
    model = load_bundle(document, "bob", name="bus", topic_filter="buses/+/telemetry", publish=True)
    version = newest(model)
    assert version is not None
    assert (version.number, version.published_by, model.published) == (3, "bob", True)
    worker.receive((TOPIC, {"timestamp": 1_760_000_000, "speed": 20, "rpm": 900}))
    worker.work()
    assert rows("rpm", "bus") == [900.0]


def test_an_import_that_is_taken_into_service_unchanged_has_its_table(worker: Worker) -> None:
    document = exported()
    document["draft"] = document["versions"][-1]["spec"] | {"topic_filter": "buses/+/telemetry"}
    document["versions"][-1]["spec"]["topic_filter"] = "buses/+/telemetry"
    model = load_bundle(document, name="bus")
    assert pending(model) == []
    resume(model)
    assert {"speed", "heading"} <= columns("bus").keys()
    assert "bus" in [compiled.spec.name for compiled in Published().catalog().models]


def test_a_name_that_exists_gets_a_new_draft_and_keeps_its_own_history(db: None) -> None:
    document = exported()
    document["draft"]["fields"][0]["maximum"] = 400
    model = load_bundle(document)
    assert model.spec().fields[0].maximum == 400
    assert model.published
    assert model.versions.count() == 2


def test_a_draft_that_the_table_has_no_room_for_is_refused(db: None) -> None:
    document = exported()
    document["draft"]["fields"][0]["kind"] = "text"
    with pytest.raises(ValidationError, match="'speed'"):
        load_bundle(document)
    assert DataModel.objects.get(name="vehicle").spec().fields[0].kind == "number"


def test_every_template_can_be_published(db: None) -> None:
    spec = templates()["machine"].spec
    draft = {"format": "dataflow-model", "version": 1, "name": "machine", "draft": msgspec.to_builtins(spec)}
    assert load_bundle(draft, publish=True).versions.count() == 1
    for item in templates().values():
        assert item.spec.name == item.name
        assert all(field.label for field in item.spec.fields)
        assert load_bundle(draft | {"name": item.name, "draft": msgspec.to_builtins(item.spec)}).spec() == item.spec


def broken(**changes: Any) -> dict[str, Any]:
    spec = msgspec.to_builtins(templates()["tracker"].spec)
    version = {"number": 1, "published_at": "2026-01-01T00:00:00Z", "spec": spec}
    document: dict[str, Any] = {"format": "dataflow-model", "version": 1, "name": "tracker", "draft": spec}
    return document | {"versions": [version | changes.pop("of_version", {})]} | changes


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (None, "no model with its history"),
        ([], "no model with its history"),
        ({}, "format"),
        (broken(format="other"), "format"),
        (broken(version=2), "version"),
        (broken(extra=1), "extra"),
        (broken(name="Bad Name"), "'Bad Name'"),
        (broken(name="x\0"), "U+0000"),
        (broken(name="\ud800"), "no model with its history"),
        (broken(draft={"name": "x"}), "topic_filter"),
        (broken(versions=5), "versions"),
        (broken(of_version={"number": 0}), "numbered from 1"),
        (broken(of_version={"number": 2**40}), "numbered from 1"),
        (broken(of_version={"published_at": "2026-01-01T00:00:00"}), "which zone"),
        (broken(of_version={"published_at": "yesterday"}), "no model with its history"),
        (broken(of_version={"published_by": "x" * 200}), "more fields, rules or changes"),
        (broken(of_version={"changes": ["x" * 5_000_000]}), "bytes"),
        (broken(of_version={"spec": {"name": "x", "topic_filter": "x", "fields": []}}), "at least one field"),
        (broken(description=5), "description"),
    ],
)
def test_a_hostile_bundle_is_refused_in_a_sentence_and_changes_nothing(db: None, document: Any, words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        load_bundle(document)
    assert words in " ".join(refused.value.messages)
    assert not DataModel.objects.exists()


def test_a_version_that_nothing_could_be_judged_by_is_not_imported(db: None) -> None:
    spec = templates()["tracker"].spec
    bad = msgspec.structs.replace(spec, fields=(FieldSpec(name="a", kind="text", pattern="(?=a)"),))
    with pytest.raises(ValidationError, match="pattern"):
        load_bundle(broken(of_version={"spec": msgspec.to_builtins(bad)}))
