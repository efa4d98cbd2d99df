"""The admin as a person uses it: pages are fetched, forms filled in and sent, while a worker goes on storing."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.test import Client
from django.urls import reverse

from validation import tables
from validation.drain import Drain
from validation.models import DataModel, Field, ModelVersion, Quarantined
from validation.samples import load_samples
from validation.streams import StreamReader
from validation.tests.conftest import Worker

PASSWORD = "correct horse battery staple"
TOPIC = "vehicles/vehicle_01/telemetry"
SCRIPT = "<script>alert(1)</script>"
Values = Mapping[str, object]  # of a form, by name
NOTHING: Values = {}
Page = Any  # a response of the test client, with the page's context


class Person:
    """Somebody at the admin. Forms are sent as a browser would: everything on the page, with some changes."""

    def __init__(self) -> None:
        self.client = Client()
        self._open: dict[str, tuple[Any, dict[str, object]]] = {}
        get_user_model().objects.create_superuser("alice", password=PASSWORD)
        login = self.client.post(reverse("admin:login"), {"username": "alice", "password": PASSWORD})
        assert login.status_code == 302, "signed in"

    def get(self, page: str, *args: object, **query: str) -> Page:
        return self.client.get(reverse(f"admin:validation_{page}", args=args), query)

    def change(self, model: DataModel, new_field: Values = NOTHING, changes: Values = NOTHING) -> Page:
        """Open a model, add a field, change what else there is, and save."""
        return self._send(reverse("admin:validation_datamodel_change", args=[model.pk]), new_field, changes)

    def add(self, new_field: Values, values: Values) -> Page:
        """Make a new model with one field, and save."""
        return self._send(reverse("admin:validation_datamodel_add"), new_field, values)

    def _send(self, address: str, new_field: Values, changes: Values) -> Page:
        # After a refusal the same form is still open.
        formset, data = self._open.pop(address) if address in self._open else self._fetch(address)
        blank = formset.extra_forms[0].prefix
        sent = data | {f"{blank}-{name}": value for name, value in new_field.items()}
        sent.update(changes)
        ticked = {name: value for name, value in sent.items() if value is not False}
        page = self.client.post(address, ticked, follow=True)
        if not page.redirect_chain:
            self._open[address] = formset, data
        return page

    def _fetch(self, address: str) -> tuple[Any, dict[str, object]]:
        page = self.client.get(address)
        formset = page.context["inline_admin_formsets"][0].formset
        forms = [page.context["adminform"].form, formset.management_form, *formset.forms]
        return formset, {name: value for form in forms for name, value in written(form).items()}


def written(form: Any) -> dict[str, object]:
    """Return what a form says when nobody touches it; a box that is not ticked says nothing."""
    values = {field.html_name: field.value() for field in form}
    return {name: "" if value is None else value for name, value in values.items()}


def messages(page: Page) -> str:
    return " ".join(str(message) for message in page.context["messages"])


def errors_of_fields(page: Page) -> dict[str, str]:
    """Return what is written next to the fields of a model's fields, and under "all" what is written above them."""
    formset = page.context["inline_admin_formsets"][0].formset
    found = {place: " ".join(words) for errors in formset.errors for place, words in errors.items()}
    return found | ({"all": " ".join(formset.non_form_errors())} if formset.non_form_errors() else {})


@pytest.fixture
def person(db: None, settings: Any) -> Person:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    load_samples()
    return Person()


@pytest.fixture
def vehicle(person: Person) -> DataModel:
    return DataModel.objects.get(name="vehicle")


def versions() -> int:
    return ModelVersion.objects.filter(model__name="vehicle").count()


def fetch(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


class Flow:
    """Readings with a key `oil` that arrive and are stored in the background."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.sent, self.failures = worker, 0, list[BaseException]()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        drain, reader = Drain(), StreamReader(self.worker.client)
        try:
            while not self._end.is_set():
                self.worker.receive(*[(TOPIC, self._reading()) for _ in range(5)], (TOPIC, b"no json"))
                drain.run(reader, self.worker.buffer, seconds=1)
        except BaseException as error:  # noqa: BLE001  (the main thread looks at it)
            self.failures.append(error)
        finally:
            connections.close_all()

    def _reading(self) -> dict[str, float]:
        self.sent += 1
        return {"timestamp": time.time(), "seq": self.sent, "speed": 50, "oil": 3.5}

    def wait_for_more(self) -> None:
        before, deadline = self.sent, time.monotonic() + 10
        while self.sent < before + 30:
            assert time.monotonic() < deadline, self.failures
            time.sleep(0.01)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        assert self.failures == []


def test_a_field_added_while_readings_flow_is_stored_from_the_next_chunk_on_and_nothing_is_lost(
    worker: Worker, person: Person, vehicle: DataModel
) -> None:
    flow = Flow(worker)
    try:
        flow.wait_for_more()
        page = person.change(vehicle, {"name": "oil", "kind": "number", "label": "Oil pressure", "unit": "bar"})
        published_at = flow.sent
        assert "Version 2 is published" in messages(page)
        flow.wait_for_more()
    finally:
        flow.stop()
    books = worker.audit()
    assert books.balanced
    assert (books.total.stored, books.total.quarantined) == (flow.sent, flow.sent // 5)
    assert fetch("SELECT DISTINCT version, oil FROM telemetry.vehicle ORDER BY 1") == [(1, None), (2, 3.5)]
    # What was under way when the version appeared, a chunk of five, may still be judged by the one before.
    (last_old,) = fetch("SELECT max(seq) FROM telemetry.vehicle WHERE version = 1")[0]
    assert last_old <= published_at + 5


def test_a_whole_new_model_gets_its_table_and_its_readings(worker: Worker, person: Person) -> None:
    boats = ("boats/boat_1/telemetry", {"timestamp": time.time(), "depth": 3.5})
    worker.receive(boats)
    worker.work()
    assert worker.reasons() == [["unknown_topic"]]
    page = person.add(
        {"name": "depth", "kind": "number", "unit": "m"},
        {"name": "boat", "topic_filter": "boats/+/telemetry", "description": "Boats."},
    )
    assert "Version 1 is published" in messages(page)
    worker.receive(boats)
    worker.work()
    assert fetch("SELECT depth, version FROM telemetry.boat") == [(3.5, 1)]
    assert worker.audit().balanced


def test_a_choice_takes_its_choices_and_nothing_else(worker: Worker, person: Person, vehicle: DataModel) -> None:
    page = person.change(vehicle, {"name": "gear", "kind": "choice", "choices": " park, drive ,park,"})
    assert "Version 2" in messages(page)
    for gear in ("drive", "park", "fly", "Drive", ""):
        worker.receive((TOPIC, {"timestamp": time.time(), "speed": 1, "gear": gear}))
    worker.work()
    assert fetch("SELECT gear FROM telemetry.vehicle ORDER BY ts") == [("drive",), ("park",)]
    assert worker.reasons() == [["enum"]] * 3


def test_saving_without_a_change_publishes_nothing_and_says_so(person: Person, vehicle: DataModel) -> None:
    page = person.change(vehicle)
    assert "Nothing to publish" in messages(page)
    assert versions() == 1


def test_a_model_that_is_not_published_says_where_its_readings_go(person: Person, vehicle: DataModel) -> None:
    assert "quarantine" in messages(person.change(vehicle, changes={"published": False}))
    assert "Nothing to publish" in messages(person.change(vehicle, changes={"published": "on"}))


BAD_FIELDS: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"name": "Oil Pressure"}, "name", "a-z, 0-9 and _"),
    ({"name": "a;drop"}, "name", "a-z, 0-9 and _"),
    ({"name": "ts"}, "name", "has a column ts already"),
    ({"name": "ctid"}, "name", "every table has already"),
    ({"name": "timestamp"}, "name", "used twice"),
    ({"name": "seq"}, "name", "already"),
    ({"name": "oil", "minimum": 5, "maximum": 3}, "maximum", "below the minimum"),
    ({"name": "oil", "kind": "integer", "minimum": 1.2, "maximum": 1.8}, "maximum", "Nothing lies between"),
    ({"name": "oil", "minimum": "nan"}, "minimum", "Enter a number"),
    ({"name": "oil", "minimum": "low"}, "minimum", "Enter a number"),
    ({"name": "oil", "kind": "text", "maximum": 10}, "maximum", "Only a number"),
    ({"name": "oil", "kind": "text", "max_length": 0}, "max_length", "at least 1"),
    ({"name": "oil", "max_length": 5}, "max_length", "Only a text"),
    ({"name": "oil", "kind": "choice", "choices": " , "}, "choices", "at least one choice"),
    ({"name": "oil", "choices": "a, b"}, "choices", "Only a choice"),
    ({"name": "oil", "kind": "colour"}, "kind", "Select a valid choice"),
)


def test_a_field_that_cannot_be_is_refused_with_words_next_to_it(person: Person, vehicle: DataModel) -> None:
    for field, place, words in BAD_FIELDS:
        page = person.change(vehicle, {"kind": "number", **field})
        assert words in errors_of_fields(page).get(place, ""), (field, errors_of_fields(page))
        assert words in page.content.decode()
    assert versions() == 1
    assert Field.objects.filter(model=vehicle).count() == 6


def test_a_changed_type_is_refused_next_to_the_type(person: Person, vehicle: DataModel) -> None:
    page = person.change(vehicle, changes={"fields-0-kind": "text", "fields-0-minimum": "", "fields-0-maximum": ""})
    assert "new name" in errors_of_fields(page)["kind"]
    assert Field.objects.get(model=vehicle, name="speed").kind == "number"


def test_a_name_used_twice_and_a_model_without_fields_are_refused(person: Person, vehicle: DataModel) -> None:
    assert "duplicate" in errors_of_fields(person.change(vehicle, {"name": "speed"}))["all"]
    gone = {f"fields-{number}-DELETE": "on" for number in range(vehicle.fields.count())}
    assert "at least one field" in errors_of_fields(person.change(vehicle, changes=gone))["all"]
    assert versions() == 1


BAD_MODELS: tuple[tuple[dict[str, object], str, str], ...] = (
    ({"name": "My Boats"}, "name", "a-z, 0-9 and _"),
    ({"name": "boat_p20260101"}, "name", "eight digits"),
    ({"name": "vehicle"}, "name", "already exists"),
    ({"name": "b" * 49}, "name", "48"),
    ({"topic_filter": "boats/telemetry"}, "topic_filter", "Needs a +"),
    ({"topic_filter": "boats/#/x"}, "topic_filter", "must come last"),
    ({"topic_filter": "vehicles/+/telemetry"}, "topic_filter", "already exists"),
    ({"time_key": 'a"b'}, "time_key", "without quotes"),
    ({"sequence_key": "timestamp"}, "sequence_key", "used twice"),
    ({"device_source": "payload", "device_key": "timestamp"}, "device_key", "used twice"),
    ({"past_s": "1e12"}, "past_s", "hundred years"),
    ({"ahead_s": "-1"}, "ahead_s", "greater than or equal to 0"),
)


def test_a_model_that_cannot_be_is_refused_with_words_next_to_what_is_wrong(person: Person) -> None:
    for values, place, words in BAD_MODELS:
        page = person.add({"name": "depth"}, {"name": "boat", "topic_filter": "boats/+/telemetry", **values})
        assert words in " ".join(page.context["adminform"].form.errors.get(place, [])), (values, page)
        assert words in page.content.decode()
    assert DataModel.objects.count() == 2


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
    draft = DataModel.objects.create(name="boat", topic_filter="boats/+/telemetry", published=False)
    assert person.get("datamodel_delete", vehicle.pk).status_code == 403
    selected = {"action": "delete_selected", "_selected_action": [vehicle.pk], "post": "yes"}
    person.client.post(reverse("admin:validation_datamodel_changelist"), selected)
    assert DataModel.objects.filter(pk=vehicle.pk).exists()
    person.client.post(reverse("admin:validation_datamodel_delete", args=[draft.pk]), {"post": "yes"})
    assert not DataModel.objects.filter(pk=draft.pk).exists()


def test_a_model_for_topics_of_an_older_one_is_pointed_out(person: Person) -> None:
    page = person.add({"name": "depth"}, {"name": "boat", "topic_filter": "vehicles/#", "device_source": "payload"})
    assert "go to vehicle, which was there first" in messages(page)


def test_a_table_that_is_too_busy_leaves_a_draft_and_says_so(
    worker: Worker, person: Person, vehicle: DataModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "LOCK_TIMEOUT", "10ms")
    monkeypatch.setattr(tables, "LOCK_TRIES", 2)
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE telemetry.vehicle IN ACCESS SHARE MODE")
        assert "too busy" in messages(person.change(vehicle, {"name": "oil"}))
        assert versions() == 1
        cursor.execute("COMMIT")
    other.close()
    assert "Version 2 is published" in messages(person.change(vehicle))


@pytest.fixture
def hostile(worker: Worker, person: Person) -> list[Quarantined]:
    """Messages that would like to be more than text, in quarantine."""
    worker.receive(
        (f"vehicles/{SCRIPT}/telemetry", SCRIPT.encode()),
        (b"\xff\xfe" + SCRIPT.encode(), b"\x00\xff\xfe" + SCRIPT.encode()),
        ("sensors/a/telemetry", {"device_id": SCRIPT, "humidity": SCRIPT, "timestamp": SCRIPT}),
        (TOPIC, b'{"timestamp": "' + SCRIPT.encode() + b'", "speed": 1}' + b" " * 5_000),
    )
    worker.work()
    return list(Quarantined.objects.order_by("position"))


def test_quarantine_shows_hostile_messages_as_text(person: Person, hostile: list[Quarantined]) -> None:
    assert len(hostile) == 4
    pages = [person.get("quarantined_changelist"), person.get("quarantined_changelist", q=SCRIPT)]
    pages += [person.get("quarantined_change", record.pk) for record in hostile]
    for page in pages:
        assert page.status_code == 200
        assert SCRIPT not in page.content.decode()
        assert "&lt;script&gt;alert(1)" in page.content.decode()
    assert r"\xff\xfe" in pages[0].content.decode(), "a topic that is not UTF-8"
    assert r"<pre>\x00\xff\xfe&lt;script" in pages[3].content.decode()
    assert "of which these are the first 4,000" in pages[5].content.decode()


def test_quarantine_is_to_look_at_only(person: Person, hostile: list[Quarantined]) -> None:
    record = hostile[0]
    assert person.client.post(reverse("admin:validation_quarantined_change", args=[record.pk])).status_code == 403
    assert person.get("quarantined_delete", record.pk).status_code == 403
    assert person.get("quarantined_add").status_code == 403
    assert Quarantined.objects.count() == 4


def test_a_list_of_quarantine_leaves_the_payloads_in_the_database(
    person: Person, hostile: list[Quarantined], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(12) as queries:
        person.get("quarantined_changelist")
    assert not any('"payload"' in query["sql"] for query in queries.captured_queries)


@pytest.mark.parametrize(
    "page", ["datamodel_changelist", "datamodel_add", "modelversion_changelist", "ledgerminute_changelist"]
)
def test_every_page_opens(person: Person, page: str) -> None:
    assert person.get(page).status_code == 200


def test_a_version_shows_what_it_says_and_cannot_be_changed(person: Person) -> None:
    version = ModelVersion.objects.filter(model__name="vehicle")[0]
    page = person.get("modelversion_change", version.pk)
    assert "vehicles/+/telemetry" in page.content.decode()
    assert person.get("modelversion_delete", version.pk).status_code == 403
