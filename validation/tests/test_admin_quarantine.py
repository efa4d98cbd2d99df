"""Quarantine and replays in the admin: groups, records, one record, and what can be done with them."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from django.urls import reverse

from validation import replay
from validation.models import DataModel, ModelVersion, Quarantined, QuarantineLoss, Replay
from validation.publishing import publish
from validation.tests.conftest import Worker
from validation.tests.person import SCRIPT, SHOWN_SCRIPT, Person, messages, text

TOPIC = "vehicles/vehicle_01/telemetry"
LOOKING = ("view_quarantined", "view_replay", "view_datamodel")


@pytest.fixture
def person(worker: Worker) -> Person:
    return Person()


@pytest.fixture
def fast(worker: Worker) -> list[Quarantined]:
    """Return three readings of two vehicles that are faster than their model allows."""
    worker.receive(
        *[(f"vehicles/v{n % 2}/telemetry", {"timestamp": time.time(), "seq": n, "speed": 260}) for n in range(3)]
    )
    worker.work()
    return list(Quarantined.objects.order_by("id"))


@pytest.fixture
def hostile(worker: Worker) -> list[Quarantined]:
    """Return messages that would like to be more than text."""
    worker.receive(
        (f"vehicles/{SCRIPT}/telemetry", SCRIPT.encode()),
        (b"\xff\xfe" + SCRIPT.encode(), b"\x00\xff\xfe" + SCRIPT.encode()),
        ("sensors/a/telemetry", {"device_id": SCRIPT, "humidity": SCRIPT, "timestamp": SCRIPT}),
        (TOPIC, b'{"timestamp": "' + SCRIPT.encode() + b'", "speed": 1}' + b" " * 5_000),
    )
    worker.work()
    return list(Quarantined.objects.order_by("position"))


def allow(maximum: float) -> ModelVersion:
    """Publish another maximum of the vehicles' speed."""
    vehicle = DataModel.objects.get(name="vehicle")
    vehicle.fields.filter(name="speed").update(maximum=maximum)
    return publish(vehicle)


def test_groups_say_how_many_since_when_and_lead_to_their_records(person: Person, fast: list[Quarantined]) -> None:
    page = person.get("quarantined_changelist")
    ((group, query),) = page.context["rows"]
    assert (group.model, group.code, group.place, group.count) == ("vehicle", "maximum", "/speed", 3)
    assert "3 in the last 24 hours" in text(page), "the trend, in words"
    records = person.client.get(f"{reverse('admin:validation_quarantined_records')}?{query}")
    assert [record.pk for record in records.context["records"]] == [record.pk for record in reversed(fast)]


def test_the_address_says_what_is_shown_and_how_it_is_grouped(person: Person, fast: list[Quarantined]) -> None:
    page = person.get("quarantined_changelist", by="device", model="vehicle", place="speed")
    assert [(group.device, group.count) for group, _ in page.context["rows"]] == [("v0", 2), ("v1", 1)]
    assert person.get("quarantined_changelist", model="(none)").context["count"] == 0
    assert person.get("quarantined_changelist", device="v1", until="2020-01-01T00:00").context["count"] == 0
    assert person.get("quarantined_changelist", topic="vehicles/#", device="v0").context["count"] == 2
    page = person.get("quarantined_records", since="yesterday")
    assert "Enter a valid date/time" in text(page)
    assert page.context["count"] == 0


def test_hostile_messages_are_shown_as_text(person: Person, hostile: list[Quarantined]) -> None:
    pages = [person.get("quarantined_changelist", by="topic"), person.get("quarantined_records")]
    pages += [person.get("quarantined_change", record.pk) for record in hostile]
    assert len(pages) == 6
    for page in pages:
        assert page.status_code == 200
        assert SCRIPT not in text(page)
        assert SHOWN_SCRIPT in text(page)
    assert r"\xff\xfe" in text(pages[0]), "a topic that is not UTF-8"
    assert "00 ff fe 3c 73 63 72 69" in text(pages[3]), "bytes that are no text"
    assert "of which these are the first 4,000" in text(pages[5])
    assert person.get("quarantined_payload", hostile[1].pk).content == b"\x00\xff\xfe" + SCRIPT.encode()


def test_a_record_shows_what_came_what_is_read_and_why_not_side_by_side(
    person: Person, fast: list[Quarantined]
) -> None:
    page = person.get("quarantined_change", fast[0].pk)
    shown = text(page)
    assert "&quot;speed&quot;: 260" in shown
    assert "&quot;speed&quot;:260" in shown
    assert '<code class="wrap">/speed</code>' in shown
    assert f"?record={fast[0].pk}#try" in shown
    assert "It is not JSON" not in shown
    assert page.context["pairs"] == [("id", str(fast[0].pk))]


def test_a_list_leaves_the_payloads_in_the_database(
    person: Person, hostile: list[Quarantined], django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(30) as queries:
        person.get("quarantined_changelist")
        person.get("quarantined_records")
    assert not any('"payload"' in query["sql"] for query in queries.captured_queries)


def test_a_selection_is_replayed_dry_first_and_then_for_real(
    worker: Worker, person: Person, fast: list[Quarantined]
) -> None:
    allow(300)
    page = person.post("quarantined_replay", model="vehicle", code="maximum")
    dry = Replay.objects.get()
    assert (dry.dry_run, dry.created_by, dry.total) == (True, "alice", 3)
    assert reverse("admin:validation_replay_change", args=[dry.pk]) == page.redirect_chain[-1][0]
    assert "data-replay" in text(page)
    while replay.advance(dry.pk, 5):
        pass
    page = person.get("replay_change", dry.pk)
    assert "Replay them: 3 readings will be stored" in text(page)
    assert Quarantined.objects.count() == 3
    person.post("quarantined_replay", for_real="yes", **dict(page.context["pairs"]))
    real = Replay.objects.latest("pk")
    assert not real.dry_run
    while replay.advance(real.pk, 5):
        pass
    progress = person.get("replay_progress", real.pk).json()
    assert (progress["state"], progress["counts"]["stored"]) == ("done", 3)
    books = worker.audit()
    assert (books.balanced, books.total.stored, books.total.quarantined) == (True, 3, 0)
    assert person.history() == ["Dry run of model vehicle, reason maximum.", "Replay of model vehicle, reason maximum."]


def test_what_still_fails_is_told_by_reason_and_a_run_can_be_stopped_and_resumed(
    person: Person, fast: list[Quarantined]
) -> None:
    person.post("quarantined_replay", id=[fast[0].pk, fast[1].pk])
    run = Replay.objects.get()
    assert "Stopped" in messages(person.post("replay_stop", run.pk))
    assert Replay.objects.get().state == Replay.State.STOPPED
    assert "goes on" in messages(person.post("replay_resume", run.pk))
    while replay.advance(run.pk, 5):
        pass
    shown = text(person.get("replay_change", run.pk))
    assert "What would still fail" in shown
    assert "Nothing of it would pass" in shown
    assert "<code>/speed</code>" in shown
    assert "2 of 2" in text(person.get("replay_changelist"))
    assert person.history()[1:] == ["Stopped.", "Resumed."]


def test_discarding_asks_first_says_how_many_and_is_counted(
    worker: Worker, person: Person, fast: list[Quarantined]
) -> None:
    page = person.post("quarantined_discard", device="v0")
    assert "2 records would be discarded: device v0" in text(page)
    assert Quarantined.objects.count() == 3
    page = person.post("quarantined_discard", device="v0", confirmed="yes")
    assert "2 records are discarded" in messages(page)
    assert "2: discarded by a person" in text(page)
    assert person.history() == ["Discarded 2 records: device v0."]
    assert worker.audit().balanced
    assert Quarantined.objects.count() == 1


def test_a_choice_of_nothing_and_what_cannot_be_read_select_nothing(person: Person, fast: list[Quarantined]) -> None:
    for values in ({"chosen": "yes"}, {"id": "x"}, {"id": "9" * 30}, {"since": "yesterday"}, {"topic": "a/b"}):
        assert "Nothing was chosen" in messages(person.post("quarantined_replay", **values))
        page = person.post("quarantined_discard", **values, confirmed="yes")
        assert "Nothing is chosen" in text(page), values
    assert Quarantined.objects.count() == 3
    assert not Replay.objects.exists()


def test_the_page_says_how_much_is_kept_and_what_fell_out(person: Person, settings: Any) -> None:
    settings.QUARANTINE_DAYS, settings.QUARANTINE_PER_DEVICE = 30, 10_000
    QuarantineLoss.objects.create(day=date(2026, 1, 1), cause="age", count=1_234)
    shown = text(person.get("quarantined_changelist"))
    assert "30 days" in shown
    assert "10,000 of one device" in shown
    assert "1,234: older than quarantine keeps" in shown
    assert "Nothing is in quarantine" in shown


def test_looking_replaying_and_discarding_take_permissions_of_their_own(
    worker: Worker, fast: list[Quarantined]
) -> None:
    viewer, stranger = Person("bob", LOOKING), Person("charlie", ("view_datamodel",))
    for page, *args in (("changelist",), ("records",), ("change", fast[0].pk)):
        shown = viewer.get(f"quarantined_{page}", *args)
        assert shown.status_code == 200
        assert "Replay" not in text(shown).replace("Replays", "")
        assert stranger.get(f"quarantined_{page}", *args).status_code == 403
    assert viewer.post("quarantined_replay", model="vehicle").status_code == 403
    assert viewer.post("quarantined_discard", model="vehicle", confirmed="yes").status_code == 403
    assert Person("dora", (*LOOKING, "replay")).post("quarantined_replay", model="vehicle").status_code == 200
    assert Quarantined.objects.count() == 3
    assert Person().get("quarantined_replay").status_code == 405


def test_a_record_stays_as_it_came(person: Person, fast: list[Quarantined]) -> None:
    assert person.post("quarantined_change", fast[0].pk, topic="x").status_code == 405
    assert person.get("quarantined_delete", fast[0].pk).status_code == 403
    assert person.get("quarantined_add").status_code == 403


@pytest.mark.parametrize("page", ["ledgerminute_changelist", "ledgerverdict_changelist", "replay_changelist"])
def test_the_books_open(person: Person, page: str) -> None:
    assert person.get(page).status_code == 200
