"""The page of a model: what its draft changes and would do, what was published, and who may do what."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import redis
from django.conf import settings

from validation.models import DataModel, ModelVersion, Quarantined
from validation.samples import load_samples
from validation.tests.conftest import Worker
from validation.tests.person import SCRIPT, SHOWN_SCRIPT, Person, messages, text

RECENT = ("dataflow:recent:vehicle", "dataflow:recent:sensor")
TOPIC = "vehicles/vehicle_01/telemetry"


@pytest.fixture(autouse=True)
def nothing_recent() -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(*RECENT)


@pytest.fixture
def person(db: None) -> Person:
    load_samples()
    return Person()


@pytest.fixture
def vehicle(person: Person) -> DataModel:
    return DataModel.objects.get(name="vehicle")


def limit(vehicle: DataModel, maximum: float) -> None:
    """Write another maximum of the speed into the draft."""
    vehicle.fields.filter(name="speed").update(maximum=maximum)


def test_the_page_says_what_the_draft_changes_and_what_uses_a_field_that_goes(
    person: Person, vehicle: DataModel
) -> None:
    assert "there is nothing to publish" in text(person.get("datamodel_effect", vehicle.pk))
    limit(vehicle, 300)
    vehicle.fields.filter(name="odometer").delete()
    shown = text(person.get("datamodel_effect", vehicle.pk))
    assert "<code>speed</code> maximum 250 → 300" in shown
    assert "field <code>odometer</code> removed" in shown
    assert "What uses the fields that go" in shown
    assert "Publish version 2" in shown


def test_a_payload_shows_every_fault_with_its_path_and_one_that_passes_its_row(
    person: Person, vehicle: DataModel
) -> None:
    wrong = {"timestamp": time.time(), "speed": 400, "heading": "north", "battery": SCRIPT}
    page = person.post("datamodel_effect", vehicle.pk, topic=TOPIC, payload=json.dumps(wrong))
    shown = text(page)
    assert all(f"<code>/{name}</code>" in shown for name in ("speed", "heading", "battery"))
    assert "is refused" in shown
    assert SCRIPT not in shown
    right = json.dumps([{"timestamp": time.time(), "speed": 50.5}, {"timestamp": time.time(), "speed": -1}])
    shown = text(person.post("datamodel_effect", vehicle.pk, topic=TOPIC, payload=right))
    assert "passes" in shown
    assert "<td>50.5</td>" in shown
    assert shown.count("<code>/speed</code>") == 1
    assert "vehicle_01" in shown
    assert not Quarantined.objects.exists()


def test_a_payload_that_is_no_text_can_be_tried_as_it_came(worker: Worker) -> None:
    person, vehicle = Person(), DataModel.objects.get(name="vehicle")
    worker.receive((TOPIC, b"\x00\xff" + SCRIPT.encode()))
    worker.work()
    page = person.get("datamodel_effect", vehicle.pk, record=str(Quarantined.objects.get().pk))
    assert [one.reasons[0].code for one in page.context["tried"]] == ["not_utf8"]
    assert "00 ff 3c 73" in text(page)
    assert SCRIPT not in text(page)
    (picked,) = page.context["picked"]
    again = person.post("datamodel_effect", vehicle.pk, **picked.values)
    assert again.context["tried_payload"] == b"\x00\xff" + SCRIPT.encode()
    shown = text(person.post("datamodel_effect", vehicle.pk, topic=TOPIC, payload_hex="no digits"))
    assert "no hexadecimal" in shown


def test_the_newest_messages_show_what_a_draft_would_change(worker: Worker) -> None:
    person, vehicle = Person(), DataModel.objects.get(name="vehicle")
    worker.receive(*[(TOPIC, {"timestamp": time.time(), "seq": n, "speed": 30 * n}) for n in range(10)])
    worker.work()
    limit(vehicle, 100)
    page = person.get("datamodel_effect", vehicle.pk, trial="100")
    comparison = page.context["comparison"]
    assert (comparison.examined, comparison.passing, comparison.failing) == (10, 4, 6)
    assert [(group.place, group.count) for group in comparison.newly_failing] == [("/speed", 5)]
    assert "Newly fail" in text(page)
    refused = person.get("datamodel_effect", vehicle.pk, trial="5")
    assert "greater than or equal to 100" in text(refused)


def test_versions_are_published_withdrawn_resumed_and_gone_back_to_and_the_history_says_who(
    person: Person, vehicle: DataModel
) -> None:
    limit(vehicle, 300)
    assert "Version 2 is published" in messages(person.post("datamodel_publish", vehicle.pk))
    assert "out of service" in messages(person.post("datamodel_withdraw", vehicle.pk))
    assert "is in service" in messages(person.post("datamodel_resume", vehicle.pk))
    assert "what version 1 says" in messages(person.post("datamodel_revert", vehicle.pk, 1))
    assert vehicle.spec().fields[0].maximum == 250
    assert person.post("datamodel_revert", vehicle.pk, 9).status_code == 404
    assert person.history() == [
        "Published version 2: `speed` maximum 250 → 300",
        "Taken out of service.",
        "Taken into service.",
        "Made the draft what version 1 says.",
    ]


def test_what_changes_something_takes_a_post_and_the_permission(person: Person, vehicle: DataModel) -> None:
    viewer = Person("bob", ("view_datamodel", "view_modelversion"))
    shown = text(viewer.get("datamodel_effect", vehicle.pk))
    assert "<button" in shown
    assert "Publish version" not in shown
    assert "Take out of service" not in shown
    for page, *args in (("publish",), ("withdraw",), ("resume",), ("revert", 1)):
        assert person.get(f"datamodel_{page}", vehicle.pk, *args).status_code == 405
        assert viewer.post(f"datamodel_{page}", vehicle.pk, *args).status_code == 403
    for page in ("import", "templates"):
        assert viewer.get(f"datamodel_{page}").status_code == 403
    stranger = Person("charlie", ())
    for page, *args in (("effect", vehicle.pk), ("bundle", vehicle.pk), ("rates",)):
        assert stranger.get(f"datamodel_{page}", *args).status_code == 403
    assert viewer.history() == []


def test_a_version_shows_what_it_says_and_cannot_be_changed(person: Person, vehicle: DataModel) -> None:
    version = ModelVersion.objects.get(model=vehicle)
    shown = text(person.get("modelversion_change", version.pk))
    assert all(words in shown for words in ("vehicles/+/telemetry", "0 to 250", "JSON Schema"))
    assert person.get("modelversion_delete", version.pk).status_code == 403
    assert person.get("modelversion_changelist").status_code == 200


def test_a_model_leaves_as_a_file_and_comes_back_under_another_name(person: Person, vehicle: DataModel) -> None:
    bundle = person.get("datamodel_bundle", vehicle.pk)
    assert bundle["Content-Disposition"] == 'attachment; filename="vehicle.model.json"'
    limit(vehicle, 300)
    assert "There is a data model vehicle already" in text(person.post("datamodel_import", text=text(bundle)))
    assert vehicle.spec().fields[0].maximum == 300
    person.post("datamodel_import", text=text(bundle), replace="on")
    assert vehicle.spec().fields[0].maximum == 250
    page = person.post("datamodel_import", text=text(bundle), name="lorry", topic_filter="lorries/+/telemetry")
    assert "The draft of lorry is made" in messages(page), text(page)
    assert ModelVersion.objects.get(model__name="lorry").number == 1, "the history comes along"
    assert person.history() == ["Imported from a file."] * 2


def test_a_json_schema_becomes_a_draft_and_anything_else_is_refused(person: Person, vehicle: DataModel) -> None:
    schema = text(person.get("datamodel_schema", vehicle.pk, 1))
    assert "There is a data model" in text(person.post("datamodel_import", text=schema))
    page = person.post("datamodel_import", text=schema, name="lorry", topic_filter="lorries/+/telemetry")
    assert page.redirect_chain, text(page)
    names = [field.name for field in DataModel.objects.get(name="lorry").spec().fields]
    assert names == [field.name for field in vehicle.spec().fields]
    for document in ("", "[]", "{", '{"format": 99}', '{"$schema": 1, "properties": 5}'):
        page = person.post("datamodel_import", text=document, name="other", topic_filter="o/+/t")
        assert not page.redirect_chain
        assert "errorlist" in text(page), document


def test_a_template_becomes_a_draft_under_the_name_that_was_given(person: Person) -> None:
    offers = person.get("datamodel_templates").context["offers"]
    name = offers[0][0].name
    sent: dict[str, Any] = {"template": name, f"{name}-name": "mine", f"{name}-topic_filter": "mine/+/telemetry"}
    page = person.post("datamodel_templates", **sent)
    assert "The draft of mine is made" in messages(page)
    assert not ModelVersion.objects.filter(model__name="mine").exists()
    assert "exists already" in text(person.post("datamodel_templates", **sent))


def test_names_from_people_are_text_and_never_markup(person: Person, vehicle: DataModel) -> None:
    vehicle.fields.filter(name="speed").update(label=SCRIPT, description=SCRIPT, unit="km/h")
    vehicle.rules.create(expression="speed < 300.0", message=SCRIPT)
    DataModel.objects.filter(pk=vehicle.pk).update(description=SCRIPT)
    person.post("datamodel_publish", vehicle.pk)
    version = ModelVersion.objects.get(model=vehicle, number=2)
    pages = [("datamodel_change", vehicle.pk), ("datamodel_effect", vehicle.pk), ("modelversion_change", version.pk)]
    for page, key in pages:
        shown = text(person.get(page, key))
        assert SCRIPT not in shown
        assert SHOWN_SCRIPT in shown
