"""The pages of the books and of traces in the admin."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.urls import reverse

from ingest.ring import RECEIVED
from validation import bookkeeping
from validation.models import BookCheck
from validation.moments import moment
from validation.tests.conftest import Worker
from validation.tests.person import SCRIPT, SHOWN_SCRIPT, Person, text

TOPIC = "vehicles/vehicle_01/telemetry"
NOW = time.time()


@pytest.fixture
def person(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Person:
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url])
    monkeypatch.setattr(bookkeeping, "LOOK_AGAIN_S", 0)
    return Person()


def send(worker: Worker, *numbers: int, speed: float = 50) -> None:
    worker.receive(
        *[(TOPIC, {"timestamp": NOW - 1000 + 10 * number, "seq": number, "speed": speed}) for number in numbers]
    )
    worker.work()


def at(number: int) -> str:
    return moment(round((NOW - 1000 + 10 * number) * 1e6)).isoformat()


def test_the_books_say_that_they_balance_and_how_long_ago_that_was_found(person: Person, worker: Worker) -> None:
    assert "Not checked yet" in text(person.get("bookcheck_changelist"))
    send(worker, 1, 2, 2, 3)
    send(worker, 4, speed=999)
    bookkeeping.check([worker.url])
    page = person.get("bookcheck_changelist")
    assert "Balanced</strong>, checked" in text(page)
    assert sum(minute["line"].received for minute in page.context["minutes"]) == 5
    (line,) = page.context["models"]
    assert (line.model, line.stored, line.duplicate, line.quarantined) == ("vehicle", 3, 1, 1)
    assert "5 received in 121 minutes" in text(page)
    BookCheck.objects.update(at=datetime.now(UTC) - timedelta(hours=1))
    page = person.get("bookcheck_changelist")
    assert "Not checked lately" in text(page)
    assert "Balanced</strong>" not in text(page)


def test_an_alarm_stands_on_every_page_until_the_books_balance(person: Person, worker: Worker) -> None:
    send(worker, 1)
    minute = next(iter(worker.client.hgetall(RECEIVED)))
    worker.client.hincrby(RECEIVED, minute, 4)
    bookkeeping.check([worker.url])
    banner = "<strong>The books do not balance</strong>"
    page = person.get("bookcheck_changelist")
    assert "4 received and not accounted for" in text(page)
    for address in ("admin:index", "admin:validation_quarantined_changelist", "live"):
        assert banner in text(person.client.get(reverse(address))), address
    blind = Person("bob", permissions=("view_quarantined",))
    assert banner not in text(blind.get("quarantined_changelist"))
    worker.client.hincrby(RECEIVED, minute, -4)
    bookkeeping.check([worker.url])
    assert banner not in text(person.client.get(reverse("admin:index")))


def test_a_buffer_that_is_away_or_far_behind_leaves_the_rest_of_the_page(
    person: Person, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url, "redis://127.0.0.1:9/0"])
    assert "A buffer does not answer" in text(person.get("bookcheck_changelist"))
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url])
    monkeypatch.setattr(bookkeeping, "MOST_WAITING", -1)
    assert "Look again when workers have caught up" in text(person.get("bookcheck_changelist"))


def test_devices_and_gaps_lead_to_each_other(person: Person, worker: Worker) -> None:
    send(worker, 1, 2, 6)
    page = person.get("books_devices")
    assert [(line.device, line.stored) for line in page.context["lines"]] == [("vehicle_01", 3)]
    assert f"{reverse('admin:validation_books_gaps')}?device=vehicle_01" in text(page)
    page = person.get("books_gaps", device="vehicle_01")
    assert [(gap.first, gap.last) for gap in page.context["shown"]] == [(3, 5)]
    assert "No number is missing" in text(person.get("books_gaps", device="vehicle_02"))
    assert "Write it like" in text(person.get("books_gaps", start="yesterday"))
    assert "before the start" in text(person.get("books_gaps", start="2026-01-02T00:00", end="2026-01-01T00:00"))


def test_a_trace_is_a_timeline(person: Person, worker: Worker) -> None:
    assert "Follow it" in text(person.get("books_trace"))
    send(worker, 1, 2, 1)
    page = person.get("books_trace", device="vehicle_01", at=at(1))
    assert [hop.name for hop in page.context["reading"].hops] == [
        *("measured", "received", "buffered", "stored", "repeated"),
    ]
    assert worker.buffer in text(page)
    assert "it came 1 more time and was not stored twice" in text(page)
    page = person.get("books_trace", device="vehicle_01", at=at(500))
    assert "Not found" in text(page)
    assert "outbox" in text(page)
    assert "Write it like" in text(person.get("books_trace", device="vehicle_01", at="soon"))


def test_a_refused_reading_is_shown_as_text_and_leads_to_its_record(person: Person, worker: Worker) -> None:
    payload = {"device_id": "attic", "timestamp": NOW, "humidity": SCRIPT}
    worker.receive(("sensors/attic/telemetry", payload), ("sensors/attic/telemetry", {**payload, "seq": 2}))
    worker.work()
    page = person.get("books_trace", device="attic", at=str(NOW))
    assert "Which of these?" in text(page)
    assert len(page.context["candidates"]) == 2
    page = person.get("books_trace", device="attic", at=str(NOW), seq="2")
    record = page.context["reading"].record
    assert reverse("admin:validation_quarantined_change", args=[record]) in text(page)
    assert SCRIPT not in text(page)
    page = person.get("books_trace", device=SCRIPT, at=str(NOW))
    assert SCRIPT not in text(page)
    assert SHOWN_SCRIPT in text(page)


def test_the_pages_are_for_those_who_may_see_the_ledger(worker: Worker) -> None:
    pages = ("bookcheck_changelist", "books_history", "books_devices", "books_gaps", "books_trace")
    looks = Person("vera", permissions=("view_ledgerminute", "view_quarantined"))
    assert [looks.get(page).status_code for page in pages] == [200] * 5
    ledger_only = Person("lea", permissions=("view_ledgerminute",))
    assert [ledger_only.get(page).status_code for page in pages] == [200, 200, 200, 200, 403]
    other = Person("otto", permissions=("view_datamodel",))
    assert [other.get(page).status_code for page in pages] == [403] * 5
