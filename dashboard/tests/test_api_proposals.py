"""Models proposed from traffic, through the API: from an unknown topic to stored readings."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from dashboard.api.v1.proposals import filter_of, key_of
from dashboard.tests.test_api_access import assert_error
from dashboard.tests.test_api_quarantine import ask, finished
from validation.models import DataModel, Quarantined
from validation.tests.conftest import Worker, worker

__all__ = ["worker"]  # a fixture

FILTERS = ["a/+/b", "#", "ä/+/€", "x" * 255]


@pytest.mark.parametrize("pattern", FILTERS)
def test_a_topic_filter_stands_in_an_address_and_comes_back(pattern: str) -> None:
    assert key_of(pattern).replace("-", "").replace("_", "").isalnum()
    assert filter_of(key_of(pattern)) == pattern


def send_ovens(worker: Worker, **more: Any) -> None:
    now = float(int(time.time()))
    for number in range(20):
        payload = {"timestamp": now - number, "temperature": 180.5 + number, "door_open": number % 2 == 0, **more}
        worker.receive((f"ovens/oven_{number % 2}/state", payload))
    worker.work()


def test_an_unknown_topic_becomes_a_model_that_stores_what_waited(as_alice: Client, worker: Worker) -> None:
    send_ovens(worker)
    (waiting,) = ask(as_alice, "/proposals")["results"]
    assert (waiting["topic_filter"], waiting["messages"]) == ("ovens/+/state", 20)
    proposal = ask(as_alice, f"/proposals/{waiting['id']}")
    assert proposal == ask(as_alice, "/proposals/by-filter?topic_filter=ovens/%2B/state")
    assert {field["name"]: field["kind"] for field in proposal["fields"]} == {
        "temperature": "number",
        "door_open": "boolean",
    }
    assert '"temperature"' in proposal["samples"][0]["text"]
    wanted = {"spec": {**proposal["spec"], "name": "oven"}, "publish": True, "replay": True}
    made = ask(as_alice, "/proposals/accept", wanted, status=201)
    assert (made["model"]["name"], made["model"]["in_service"], made["version"]) == ("oven", True, 1)
    assert finished(as_alice, made["replay"]["id"])["stored"] == 20
    assert not Quarantined.objects.exists()
    assert ask(as_alice, "/proposals")["results"] == []
    assert worker.audit().balanced
    response = as_alice.post("/api/v1/proposals/accept", wanted, content_type="application/json")
    assert "already" in assert_error(response, 400)["detail"]


def test_a_model_whose_devices_send_more_by_now_says_so(as_alice: Client, worker: Worker) -> None:
    fields = [{"name": "temperature", "kind": "number"}, {"name": "door_open", "kind": "boolean"}]
    ask(as_alice, "/models", {"name": "oven", "topic_filter": "ovens/+/state", "fields": fields}, status=201)
    ask(as_alice, "/models/oven/publish", {})
    send_ovens(worker, humidity=40.5)
    drift = ask(as_alice, "/models/oven/drift")
    assert [field["name"] for field in drift["spec"]["fields"]] == ["temperature", "door_open", "humidity"]
    assert any("humidity" in change for change in drift["changes"])


def test_a_proposal_that_makes_no_sense_makes_nothing(as_erin: Client) -> None:
    for key in ("e30", "@@", "_w", "a" * 500):
        assert as_erin.get(f"/api/v1/proposals/{key}").status_code in (400, 404)
    for query, attr in (("", "topic_filter"), ("?topic_filter=a/%23/b", "topic_filter"), ("?filter=a", "filter")):
        error = assert_error(as_erin.get(f"/api/v1/proposals/by-filter{query}"), 400)
        assert error["attr"] == attr
    assert_error(as_erin.get("/api/v1/proposals/by-filter?topic_filter=nothing/%2B"), 404, "nothing_waits")
    spec = {"name": "oven", "topic_filter": "ovens/+/state", "fields": [{"name": "heat", "kind": "number"}]}
    bodies: list[tuple[dict[str, Any], str]] = [
        ({}, "spec"),
        ({"spec": {**spec, "feilds": []}}, "spec.feilds"),
        ({"spec": spec, "replay": True}, "replay"),
        ({"spec": spec, "publish": 1}, "publish"),
    ]
    for body, attr in bodies:
        response = as_erin.post("/api/v1/proposals/accept", body, content_type="application/json")
        assert assert_error(response, 400)["attr"] == attr
    assert not DataModel.objects.exists()


def test_a_replay_with_a_proposal_needs_the_permission_to_replay(as_erin: Client) -> None:
    engineers = Group.objects.get(name="Engineer")
    engineers.permissions.remove(*engineers.permissions.filter(codename="replay"))
    spec = {"name": "oven", "topic_filter": "ovens/+/state", "fields": [{"name": "heat", "kind": "number"}]}
    body = {"spec": spec, "publish": True, "replay": True}
    response = as_erin.post("/api/v1/proposals/accept", body, content_type="application/json")
    assert "validation.replay" in assert_error(response, 403)["detail"]
    assert not DataModel.objects.exists()
