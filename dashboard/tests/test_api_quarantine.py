"""Quarantine and replays through the API."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from dashboard.serializers.quarantine import Selection as Described
from dashboard.serializers.quarantine import SelectionQuery
from dashboard.tests.test_api_access import assert_error
from dashboard.tests.test_api_models import VAN, send
from validation import replay
from validation.models import DataModel, Quarantined, QuarantineLoss, Replay
from validation.moments import moment
from validation.quarantine import Selection
from validation.tests.conftest import Worker, worker

__all__ = ["worker"]  # a fixture

URL = "/api/v1"
TOPIC = "vans/van_1/telemetry"
ODD = [
    b"\xff\x00",
    b"{",
    b'{"n": 123456789012345678901234567890}',
    b'{"s": "\\ud800"}',
    b"1e999",
    b"[" * 900 + b"]" * 900,
]


def ask(client: Client, path: str, body: Any = None, status: int = 200) -> Any:
    """Get, or post JSON; return the JSON that comes back."""
    if body is None:
        response = client.get(URL + path)
    else:
        response = client.post(URL + path, body, content_type="application/json")
    assert response.status_code == status, response.content
    return response.json()


def record(payload: bytes = b"{}", **columns: Any) -> Quarantined:
    reasons = [{"code": "maximum", "path": "/speed", "detail": "Too fast."}]
    kept = {"topic": TOPIC, "device": "van_1", "code": "maximum", "place": "/speed", "reasons": reasons, **columns}
    now = moment(int(time.time()) * 1_000_000)
    return Quarantined.objects.create(received_at=now, payload=payload, buffer="b", entry="1-1", position=0, **kept)


@pytest.fixture
def _records(db: None) -> None:
    van = DataModel.objects.create(name="van", topic_filter="vans/+/telemetry")
    for number in range(5):
        record(model=van, version=1, device=f"van_{number % 2}")
    record(code="unknown_topic", place="", topic="boats/b", device="")


@pytest.mark.usefixtures("_records")
def test_groups_say_how_many_why_and_when(as_charlie: Client) -> None:
    largest, other = ask(as_charlie, "/quarantine/groups")["results"]
    assert (largest["model"], largest["code"], largest["place"], largest["count"]) == ("van", "maximum", "/speed", 5)
    assert (largest["device"], largest["detail"], sum(largest["trend"])) == (None, "Too fast.", 5)
    assert (other["model"], other["code"], other["count"]) == ("", "unknown_topic", 1)
    by_device = ask(as_charlie, "/quarantine/groups?by=device&model=van")["results"]
    assert [(group["device"], group["count"]) for group in by_device] == [("van_0", 3), ("van_1", 2)]


@pytest.mark.usefixtures("_records")
def test_records_come_page_by_page_and_selected(as_charlie: Client) -> None:
    first = ask(as_charlie, "/quarantine?limit=4")
    second = ask(as_charlie, f"/quarantine?limit=4&before={first['next']}")
    found = [item["id"] for item in first["results"] + second["results"]]
    assert found == sorted(found, reverse=True)
    assert (len(found), second["next"]) == (6, None)
    for query, count in (
        ("model=van", 5),
        ("model=", 1),
        ("device=van_0&code=maximum", 3),
        ("topic=boats/b", 1),
        ("place=/speed&since=2020-01-01T00:00:00", 5),
        ("topic_filter=boats/%2B", 1),
        ("until=2020-01-01T00:00:00", 0),
    ):
        assert len(ask(as_charlie, f"/quarantine?{query}")["results"]) == count, query
    assert ask(as_charlie, f"/quarantine/{found[0]}")["id"] == found[0]


@pytest.mark.django_db
def test_whatever_a_device_sent_is_shown_as_it_came(as_charlie: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    for payload in ODD:
        record(payload)
    response = as_charlie.get(f"{URL}/quarantine")
    items = response.json()["results"][::-1]
    assert [base64.b64decode(item["payload"]) for item in items] == ODD
    assert items[0]["text"] == "\\xff\\x00"
    assert [item["decoded"] for item in items[:5]] == [None, None, {"n": 123456789012345678901234567890}, None, None]
    assert items[5]["decoded"] == json.loads(ODD[5])
    monkeypatch.setattr("dashboard.api.v1.quarantine.MAX_PAGE_BYTES", 1)
    assert len(ask(as_charlie, "/quarantine")["results"]) == 1
    assert ask(as_charlie, "/quarantine")["next"] == items[5]["id"]


@pytest.mark.usefixtures("_records")
def test_discarding_needs_words_for_what_and_is_counted(as_erin: Client) -> None:
    assert ask(as_erin, "/quarantine/discard", {"selection": {"device": "van_0"}}) == {"discarded": 3}
    assert Quarantined.objects.count() == 3
    assert QuarantineLoss.objects.get(cause="discarded").count == 3
    entry = LogEntry.objects.latest("pk")
    assert (entry.object_repr, entry.change_message) == ("device 'van_0'", "Through the API: 3 records discarded.")
    nothing: list[dict[str, Any]] = [{}, {"model": None}, {"ids": []}]
    for selection in nothing:
        response = as_erin.post(f"{URL}/quarantine/discard", {"selection": selection}, content_type="application/json")
        assert assert_error(response, 400, "everything")["attr"] == "selection"
    assert Quarantined.objects.count() == 3


NONSENSE = [
    ("quarantine?model=boat", None, "model", "van"),
    ("quarantine?modle=van", None, "modle", "model"),
    ("quarantine?before=0", None, "before", "1"),
    ("quarantine?limit=9999", None, "limit", "200"),
    ("quarantine?since=soon", None, "since", "ISO"),
    ("quarantine?device=%00", None, "device", "Null"),
    ("quarantine?topic_filter=a/%23/b", None, "topic_filter", "last"),
    ("quarantine/groups?by=colour", None, "by", "device"),
    ("quarantine/discard", {}, "selection", "required"),
    ("quarantine/discard", {"selection": {"modle": "van"}}, "selection.modle", "model"),
    ("quarantine/discard", {"selection": {"model": "boat"}}, "selection.model", "van"),
    ("quarantine/discard", {"selection": {"topic": "\0"}}, "selection.topic", "null"),
    ("replays", {"selection": {"ids": [2**63]}}, "selection.ids", "identities"),
    ("replays", {"selection": {"ids": ["a"]}}, "selection.ids.0", "int"),
    ("replays", {"selection": {"since": "soon"}}, "selection.since", "datetime"),
    ("replays", {"selection": {}, "dryrun": True}, "dryrun", "dry_run"),
    ("replays", {"selection": {}, "dry_run": "no"}, "dry_run", "bool"),
]


@pytest.mark.usefixtures("_records")
def test_a_selection_that_makes_no_sense_selects_nothing(as_erin: Client) -> None:
    for path, body, attr, word in NONSENSE:
        if body is None:
            response = as_erin.get(f"{URL}/{path}")
        else:
            response = as_erin.post(f"{URL}/{path}", body, content_type="application/json")
        error = assert_error(response, 400)
        assert (error["attr"], word in error["detail"]) == (attr, True), (path, error)
    assert Quarantined.objects.count() == 6
    assert not Replay.objects.exists()
    for path in ("quarantine/999999999", "quarantine/" + "9" * 30, "replays/999999999"):
        assert_error(as_erin.get(f"{URL}/{path}"), 404)


def test_what_the_document_says_of_a_selection_is_what_is_read() -> None:
    assert set(Described().fields) == set(Selection.__struct_fields__)
    assert set(SelectionQuery().fields) == set(Selection.__struct_fields__) - {"ids"}


def test_a_replay_is_started_stopped_resumed_and_stores_what_waited(as_alice: Client, worker: Worker) -> None:
    assert ask(as_alice, "/models", VAN, status=201)
    ask(as_alice, "/models/van/publish", {})
    now = float(int(time.time()))
    for number in range(3):
        worker.receive((TOPIC, {"timestamp": now, "seq": number, "speed": 290 + 10 * number}))
    worker.work()
    send(as_alice, "patch", "/van", {"fields": [{"name": "speed", "kind": "number", "maximum": 300}]})
    ask(as_alice, "/models/van/publish", {})
    selection = {"model": "van", "place": "/speed"}
    dry = ask(as_alice, "/replays", {"selection": selection, "dry_run": True}, status=202)
    assert (dry["state"], dry["total"], dry["created_by"], dry["selection"]) == ("running", 3, "alice", selection)
    done = finished(as_alice, dry["id"])
    assert (done["stored"], done["failing"], done["outcome"]["failing"][0]["count"]) == (2, 1, 1)
    assert Quarantined.objects.count() == 3
    run = ask(as_alice, "/replays", {"selection": selection}, status=202)
    assert ask(as_alice, f"/replays/{run['id']}/stop", {})["state"] == "stopped"
    assert_error(as_alice.post(f"{URL}/replays/{run['id']}/stop", {}, content_type="application/json"), 409)
    assert ask(as_alice, f"/replays/{run['id']}/resume", {}, status=202)["state"] == "running"
    assert finished(as_alice, run["id"])["stored"] == 2
    assert Quarantined.objects.count() == 1
    assert worker.audit().balanced
    listed = ask(as_alice, "/replays?limit=1")
    assert [item["id"] for item in listed["results"]] == [run["id"]]
    assert [item["id"] for item in ask(as_alice, f"/replays?before={listed['next']}")["results"]] == [dry["id"]]


def finished(client: Client, number: int) -> Any:
    """Do what a worker would do for a replay, and return what the API says of it then."""
    while replay.advance(number, 5):
        pass
    found = ask(client, f"/replays/{number}")
    assert found["state"] == "done"
    return found
