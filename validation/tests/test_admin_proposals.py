"""Proposals and drift in the admin: what waits, what is made of it, and what somebody changes before."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from django.urls import reverse

from validation import replay
from validation.models import DataModel, ModelVersion, Quarantined, Replay
from validation.tests.conftest import Worker
from validation.tests.person import SCRIPT, SHOWN_SCRIPT, Page, Person, messages, text, written

FILTER = "boats/+/telemetry"


@pytest.fixture
def person(worker: Worker) -> Person:
    return Person()


@pytest.fixture
def boats(worker: Worker) -> Worker:
    """Receive messages of topics that no model is for."""
    now = time.time()
    worker.receive(
        *[
            (
                f"boats/boat_{n % 3}/telemetry",
                {"timestamp": now - n, "seq": n, "depth": 3.5 + n / 10, "engine": {"temp": 61.5}, "name": SCRIPT},
            )
            for n in range(20)
        ]
    )
    worker.work()
    return worker


def proposal(person: Person, **changes: object) -> tuple[str, dict[str, Any]]:
    """Open the proposal, and return where its form is sent and what it says, with some changes."""
    address = f"{reverse('admin:validation_proposal')}?topics={FILTER.replace('+', '%2B')}"
    page = person.client.get(address)
    proposed = page.context["proposed"]
    forms = [proposed.form, proposed.fields.management_form, *proposed.fields.forms]
    values = {name: value for form in forms for name, value in written(form).items()} | changes
    return address, {name: value for name, value in values.items() if value is not False}


def prefix_of(values: dict[str, Any], name: str) -> str:
    """Return the prefix of the form of a proposed field."""
    return next(key for key, value in values.items() if key.endswith("-name") and value == name)[: -len("-name")]


def send(person: Person, address: str, values: dict[str, Any]) -> Page:
    return person.client.post(address, values, follow=True)


def test_what_waits_for_a_model_is_listed_and_leads_to_a_proposal(person: Person, boats: Worker) -> None:
    boats.receive((f"boats/{SCRIPT}/telemetry", {"depth": SCRIPT}))
    boats.work()
    shown = text(person.get("proposals"))
    assert f"<code>{FILTER}</code>" in shown
    assert f"{reverse('admin:validation_proposal')}?topics=boats%2F%2B%2Ftelemetry" in shown
    assert SCRIPT not in shown
    address, _ = proposal(person)
    shown = text(person.client.get(address))
    assert SCRIPT not in shown
    assert SHOWN_SCRIPT in shown, "samples and examples are text"
    assert "seen in 20 of" in shown


def test_a_proposal_with_changes_is_published_and_what_waited_is_replayed(person: Person, boats: Worker) -> None:
    address, values = proposal(person, name="ship")
    depth, name = prefix_of(values, "depth"), prefix_of(values, "name")
    values |= {f"{depth}-name": "depth_of_water", f"{depth}-maximum": "500", f"{depth}-unit": "m"}
    del values[f"{name}-keep"]
    page = send(person, address, values | {"_replay": "yes"})
    assert "ship is published" in messages(page), text(page)
    run = Replay.objects.get()
    assert page.redirect_chain[-1][0] == reverse("admin:validation_replay_change", args=[run.pk])
    while replay.advance(run.pk, 5):
        pass
    books = boats.audit()
    assert (books.balanced, books.total.stored, books.total.quarantined) == (True, 20, 0)
    fields = {field.name: field for field in DataModel.objects.get(name="ship").spec().fields}
    assert "name" not in fields
    assert (fields["depth_of_water"].path, fields["depth_of_water"].maximum) == ("depth", 500)
    assert person.history() == ["Made of a proposal.", "Published version 1.", "Started."]
    assert "Nothing waits for a model" in text(person.get("proposals"))
    assert "Nothing waits on these topics" in text(person.client.get(address))


def test_a_proposal_can_be_kept_as_a_draft(person: Person, boats: Worker) -> None:
    address, values = proposal(person, name="ship")
    page = send(person, address, values | {"_save": "yes"})
    assert "The draft of ship is made" in messages(page)
    assert not ModelVersion.objects.filter(model__name="ship").exists()
    assert Quarantined.objects.count() == 20


def test_what_is_wrong_in_a_proposal_is_said_beside_it_and_nothing_is_made(person: Person, boats: Worker) -> None:
    address, values = proposal(person)
    depth = prefix_of(values, "depth")
    wrong: tuple[tuple[dict[str, object], str], ...] = (
        ({"name": "vehicle"}, "exists already"),
        ({f"{depth}-minimum": "9", f"{depth}-maximum": "1"}, "Nothing lies between"),
        ({f"{depth}-name": "Depth!"}, "a-z, 0-9 and _"),
        ({f"{depth}-unit": "furlongs!"}, "furlongs!"),
        ({"topic_filter": "vehicles/#"}, "vehicle"),
        ({"spec": "{}"}, "did not come back whole"),
        ({"field-TOTAL_FORMS": "1"}, "did not come back whole"),
    )
    for changes, words in wrong:
        page = send(person, address, values | changes | {"_publish": "yes"})
        assert not page.redirect_chain, changes
        assert words in text(page), changes
    assert DataModel.objects.count() == 2


def test_a_name_that_cannot_be_a_filter_and_people_without_permission_are_turned_away(
    person: Person, boats: Worker
) -> None:
    assert person.get("proposal", topics="boats/#/x").status_code == 404
    assert person.get("proposal").status_code == 404
    viewer = Person("bob", ("view_datamodel", "view_quarantined"))
    address, values = proposal(person)
    assert viewer.get("proposals").status_code == 200
    assert "Propose a model" not in text(viewer.get("proposals"))
    assert viewer.client.post(address, values | {"_save": "yes"}).status_code == 403
    assert Person("charlie", ("view_datamodel",)).get("proposals").status_code == 403


def test_what_drifted_is_shown_and_taken_into_the_draft(person: Person, worker: Worker) -> None:
    vehicle = DataModel.objects.get(name="vehicle")
    worker.receive(
        *[
            ("vehicles/v/telemetry", {"timestamp": time.time(), "seq": n, "speed": 50, "rpm": 900 + n})
            for n in range(30)
        ]
    )
    worker.work()
    page = person.get("datamodel_drift", vehicle.pk)
    assert "rpm" in text(page)
    page = person.post("datamodel_drift", vehicle.pk, spec=page.context["spec"])
    assert "rpm" in [field.name for field in vehicle.spec().fields]
    assert person.history() == ["Took what drifted into the draft."]
    other = msgspec.structs.replace(vehicle.spec(), fields=())
    for document in ("", "{}", msgspec.json.encode(other).decode()):
        assert not person.post("datamodel_drift", vehicle.pk, spec=document).redirect_chain
    assert "rpm" in [field.name for field in vehicle.spec().fields]
