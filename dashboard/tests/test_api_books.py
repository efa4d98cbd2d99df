"""The books and traces through the API."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.test import Client

from dashboard.tests.conftest import by_token
from dashboard.tests.test_api_access import assert_error
from ingest.ring import RECEIVED
from validation import bookkeeping
from validation.tests.conftest import Worker, worker

__all__ = ["worker"]  # a fixture

NOW = time.time()
TOPIC = "vehicles/vehicle_01/telemetry"


def ask(client: Client, path: str, **query: object) -> Any:
    response = client.get(f"/api/v1{path}?{urlencode(query)}")
    assert response.status_code == 200, response.content
    return response.json()


@pytest.fixture
def client(worker: Worker, as_charlie: Client, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Somebody who may look, where three readings were stored, one came twice, one was refused and one waits."""
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url])
    monkeypatch.setattr(bookkeeping, "LOOK_AGAIN_S", 0)
    numbers = [(1, 50), (2, 50), (5, 50), (1, 50), (6, 999)]
    worker.receive(*[(TOPIC, reading(number, speed)) for number, speed in numbers])
    worker.work()
    worker.receive((TOPIC, reading(7, 50)))
    return as_charlie


def reading(number: int, speed: float) -> dict[str, float]:
    return {"timestamp": NOW - 1000 + number * 10, "seq": number, "speed": speed}


def test_the_state_says_when_it_was_looked_at_and_what_was_found(client: Client, worker: Worker) -> None:
    assert ask(client, "/books")["state"] == "not checked yet"
    bookkeeping.check([worker.url])
    books = ask(client, "/books")
    assert (books["state"], books["alarm"], books["missing"], books["since"]) == ("balanced", False, 0, None)
    assert books["age_s"] < 60
    counts = {"received": 6, "stored": 3, "duplicate": 1, "quarantined": 1, "in_flight": 1}
    assert books["totals"].items() >= counts.items()
    for minute in worker.client.hgetall(RECEIVED):
        worker.client.hincrby(RECEIVED, minute, 2)
    bookkeeping.check([worker.url])
    books = ask(client, "/books")
    assert (books["state"], books["alarm"]) == ("not balanced", True)
    assert books["missing"] > 0
    assert books["wrong_since"] == books["checked_at"]
    assert "not accounted for" in books["complaints"][0]


def test_lines_are_by_minute_model_and_device_with_null_for_what_nobody_knows(client: Client) -> None:
    lines = ask(client, "/books/lines")["results"]
    assert sum(line["received"] for line in lines) == 6
    assert all(line["balanced"] for line in lines)
    (line,) = ask(client, "/books/lines", by="model")["results"]
    assert (line["model"], line["version"], line["stored"], line["received"]) == ("vehicle", 1, 3, None)
    (line,) = ask(client, "/books/lines", by="device", device="vehicle_01")["results"]
    assert [line["stored"], line["duplicate"], line["quarantined"], line["in_flight"]] == [3, 1, 1, None]
    assert ask(client, "/books/lines", since=NOW + 3600)["results"] == []
    assert_error(client.get("/api/v1/books/lines?by=colour"), 400, "by")


def test_what_waits_is_not_read_when_it_is_too_much(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "MOST_WAITING", 0)
    client.raise_request_exception = False
    error = assert_error(client.get("/api/v1/books/lines"), 503, "behind")
    assert error["detail"].startswith("1 entries wait")


def test_gaps_say_which_numbers_are_missing(client: Client) -> None:
    found = ask(client, "/books/gaps")
    assert (found["missing"], found["models"], found["is_cut"]) == (2, ["sensor", "vehicle"], False)
    (gap,) = found["gaps"]
    assert (gap["device"], gap["first"], gap["last"], gap["missing"]) == ("vehicle_01", 3, 4, 2)
    assert ask(client, "/books/gaps", duration="1s")["gaps"] == []
    assert_error(client.get("/api/v1/books/gaps?start=5&end=4"), 400, "span")


def test_a_trace_gives_the_reading_with_its_hops_or_says_what_to_do(client: Client) -> None:
    found = ask(client, "/trace", device="vehicle_01", at=NOW - 990)
    assert (found["reading"]["state"], found["reading"]["seq"], found["reading"]["repeats"]) == ("stored", 1, 1)
    assert [hop["name"] for hop in found["reading"]["hops"]][:3] == ["measured", "received", "buffered"]
    refused = ask(client, "/trace", device="vehicle_01", at=NOW - 940)["reading"]
    assert (refused["state"], refused["reasons"][0]["code"]) == ("quarantined", "maximum")
    assert ask(client, "/trace", device="vehicle_01", at=NOW - 930)["reading"]["state"] == "in flight"
    nothing = ask(client, "/trace", device="vehicle_01", at=NOW - 5000)
    assert (nothing["reading"], nothing["candidates"]) == (None, [])
    assert "outbox" in nothing["advice"][-1]
    assert_error(client.get("/api/v1/trace?device=x"), 400, "required")


def test_a_program_without_a_role_sees_no_books(db: None, django_user_model: Any) -> None:
    nobody = by_token(django_user_model.objects.create_user("nobody"))
    assert nobody.get("/api/v1/books").status_code == 403
    assert nobody.get("/api/v1/trace?device=x&at=1").status_code == 403
