"""The list of models and the form of a draft: what is saved, what is published, and what is refused where."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from validation import tables
from validation.models import DataModel, Field, ModelVersion
from validation.publishing import pending
from validation.samples import load_samples
from validation.tests.conftest import Worker
from validation.tests.person import Person, Values, errors_of, messages, text


@pytest.fixture
def person(db: None) -> Person:
    load_samples()
    return Person()


@pytest.fixture
def vehicle(person: Person) -> DataModel:
    return DataModel.objects.get(name="vehicle")


def versions() -> int:
    return ModelVersion.objects.filter(model__name="vehicle").count()


def test_saving_keeps_a_draft_and_says_what_it_changes_and_where_to_see_the_effect(
    person: Person, vehicle: DataModel
) -> None:
    page = person.change(vehicle, {"name": "rpm", "kind": "integer"}, {"fields-0-maximum": "300"})
    assert "`speed` maximum 250 → 300" in messages(page)
    assert "new optional field `rpm`" in messages(page)
    assert page.redirect_chain[-1][0] == reverse("admin:validation_datamodel_effect", args=[vehicle.pk])
    assert versions() == 1
    assert len(pending(vehicle)) == 2


def test_one_button_saves_and_publishes_at_once(person: Person, vehicle: DataModel) -> None:
    page = person.publish(vehicle, changes={"fields-0-maximum": "300"})
    assert "Version 2 is published" in messages(page)
    version = ModelVersion.objects.get(model=vehicle, number=2)
    assert (version.published_by, pending(vehicle)) == ("alice", [])
    assert person.history()[-1].startswith("Published version 2: `speed` maximum 250 → 300")


def test_saving_without_a_change_leaves_nothing_to_publish(person: Person, vehicle: DataModel) -> None:
    assert "nothing to publish" in messages(person.change(vehicle))
    assert "Nothing to publish" in messages(person.publish(vehicle))
    assert versions() == 1


def test_a_description_is_no_part_of_a_version(person: Person, vehicle: DataModel) -> None:
    assert "nothing to publish" in messages(person.change(vehicle, changes={"description": "Lorries."}))
    assert DataModel.objects.get(name="vehicle").description == "Lorries."


def test_a_model_goes_out_of_service_and_back_without_a_version(person: Person, vehicle: DataModel) -> None:
    assert "wait in quarantine" in messages(person.change(vehicle, changes={"published": False}))
    assert not DataModel.objects.get(pk=vehicle.pk).published
    assert "is in service" in messages(person.change(vehicle, changes={"published": "on"}))
    assert person.history()[:3:2] == ["Taken out of service.", "Taken into service."]
    assert versions() == 1


def test_what_cannot_be_is_refused_with_words_beside_what_is_wrong(person: Person, vehicle: DataModel) -> None:
    page = person.change(vehicle, {"name": "oil", "minimum": "9", "maximum": "5"}, {"time_key": "a..b"})
    assert "below the minimum" in errors_of(page)["maximum"]
    assert "a..b" in " ".join(page.context["adminform"].form.errors["time_key"])
    assert "below the minimum" in text(page)
    assert not vehicle.fields.filter(name="oil").exists()


def test_a_rule_that_cannot_be_is_refused_beside_it(person: Person, vehicle: DataModel) -> None:
    one = {"rules-TOTAL_FORMS": 1, "rules-0-id": "", "rules-0-position": "", "rules-0-message": ""}
    for expression, words in (("speed >", "cannot be used"), ("oil > 1.0", "oil")):
        page = person.change(vehicle, changes={**one, "rules-0-expression": expression})
        assert words in errors_of(page, 1).get("expression", ""), expression
    page = person.change(vehicle, changes={**one, "rules-0-expression": "speed < 300.0"})
    assert "new rule" in messages(page)
    assert [rule.expression for rule in vehicle.spec().rules] == ["speed < 300.0"]


def test_a_changed_type_is_refused_beside_the_type(person: Person, vehicle: DataModel) -> None:
    page = person.change(vehicle, changes={"fields-0-kind": "text", "fields-0-minimum": "", "fields-0-maximum": ""})
    assert "new name" in errors_of(page)["kind"]
    assert Field.objects.get(model=vehicle, name="speed").kind == "number"


def test_a_name_used_twice_and_a_model_without_fields_are_refused(person: Person, vehicle: DataModel) -> None:
    assert "duplicate" in errors_of(person.change(vehicle, {"name": "speed"}))["all"]
    gone = {f"fields-{number}-DELETE": "on" for number in range(vehicle.fields.count())}
    assert "at least one field" in errors_of(person.change(vehicle, changes=gone))["all"]


def test_the_name_of_a_model_is_given_once(person: Person, vehicle: DataModel) -> None:
    page = person.get("datamodel_change", vehicle.pk)
    assert "name" not in page.context["adminform"].form.fields
    person.change(vehicle, changes={"name": "boat"})
    assert DataModel.objects.get(pk=vehicle.pk).name == "vehicle"
    assert "name" in person.get("datamodel_add").context["adminform"].form.fields


def test_a_field_without_a_position_goes_to_the_end(person: Person, vehicle: DataModel) -> None:
    person.change(vehicle, {"name": "oil"})
    assert [field.name for field in vehicle.spec().fields][-2:] == ["battery", "oil"]
    person.change(vehicle, changes={"fields-0-position": ""})
    assert [field.name for field in vehicle.spec().fields][-2:] == ["oil", "speed"]


def test_a_model_with_versions_cannot_be_deleted_and_one_without_can(person: Person, vehicle: DataModel) -> None:
    draft = DataModel.objects.create(name="boat", topic_filter="boats/+/telemetry")
    assert person.get("datamodel_delete", vehicle.pk).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [vehicle.pk], "post": "yes"}
    person.client.post(reverse("admin:validation_datamodel_changelist"), selected)
    assert DataModel.objects.filter(pk=vehicle.pk).exists()
    person.client.post(reverse("admin:validation_datamodel_delete", args=[draft.pk]), {"post": "yes"})
    assert not DataModel.objects.filter(pk=draft.pk).exists()


def test_a_model_for_topics_of_another_is_kept_as_a_draft_and_not_published(person: Person) -> None:
    boat: Values = {"name": "boat", "topic_filter": "vehicles/#", "device_source": "payload", "_publish": "yes"}
    page = person.add({"name": "depth"}, boat)
    assert "Not published: The model vehicle" in messages(page)
    assert "Why it cannot be published yet" in text(page)
    assert not ModelVersion.objects.filter(model__name="boat").exists()


def test_a_table_that_is_too_busy_leaves_a_draft_and_says_so(
    worker: Worker, person: Person, vehicle: DataModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LOCK_TIMEOUT", "10ms")
    monkeypatch.setattr(tables, "LOCK_TRIES", 2)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE telemetry.vehicle IN ACCESS SHARE MODE")
        assert "too busy" in messages(person.publish(vehicle, {"name": "oil"}))
        assert versions() == 1
        cursor.execute("COMMIT")
    other.close()
    assert "Version 2 is published" in messages(person.post("datamodel_publish", vehicle.pk))


def test_the_list_says_what_is_in_service_what_is_not_published_and_how_much_passes(
    worker: Worker, person: Person, vehicle: DataModel, django_assert_max_num_queries: Any
) -> None:
    worker.receive(
        *[("vehicles/v/telemetry", {"timestamp": 1_760_000_000 + n, "speed": 400 * (n == 9)}) for n in range(10)]
    )
    worker.work()
    person.change(vehicle, changes={"fields-0-maximum": "300"})
    with django_assert_max_num_queries(30):
        shown = text(person.get("datamodel_changelist"))
    assert "1 change not published" in shown
    assert "90 % of" in shown
    assert f'{reverse("admin:validation_quarantined_changelist")}?model=vehicle">1 refused' in shown
    assert person.get("datamodel_rates").json()["vehicle"]["refused"] == 1


def test_an_empty_list_says_how_to_begin(db: None) -> None:
    shown = text(Person().get("datamodel_changelist"))
    assert all(words in shown for words in ("No data models yet", "Take a template", "Let one be proposed"))
