"""Trying a draft: one payload, and what came lately."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client

from dashboard.tests.test_api_access import assert_error
from dashboard.tests.test_api_models import VAN, send
from validation.tests.conftest import Worker, worker

__all__ = ["worker"]  # a fixture

TOPIC = "vans/van_1/telemetry"


def tried(client: Client, payload: str, **more: Any) -> list[dict[str, Any]]:
    """Try a payload, given as the JSON that stands in the body."""
    rest = "".join(f', "{key}": {json.dumps(value)}' for key, value in more.items())
    body = f'{{"topic": "{TOPIC}", "payload": {payload}{rest}}}'
    response = client.post("/api/v1/models/van/try", body, content_type="application/json")
    assert response.status_code == 200, response.content
    found: list[dict[str, Any]] = response.json()["results"]
    return found


@pytest.fixture
def _draft(as_erin: Client) -> None:
    send(as_erin, "post", body=VAN, status=201)


@pytest.mark.usefixtures("_draft")
def test_a_payload_shows_the_row_it_would_become_or_every_fault(as_charlie: Client) -> None:
    (good,) = tried(as_charlie, '{"timestamp": 1772366400, "speed": 50.5, "gear": 3}')
    assert (good["accepted"], good["device"], good["ts"]) == (True, "van_1", "2026-03-01T12:00:00Z")
    assert good["row"] == {"seq": 0, "speed": 50.5, "gear": 3}
    (bad,) = tried(as_charlie, '{"timestamp": 1772366400, "speed": 300, "gear": "x"}')
    assert bad["accepted"] is False
    assert {reason["path"] for reason in bad["reasons"]} == {"/speed", "/gear"}
    assert len(tried(as_charlie, '[{"timestamp": 1, "speed": 1}, {}]')) == 2


@pytest.mark.usefixtures("_draft")
def test_a_specification_can_be_tried_before_it_is_saved(as_charlie: Client) -> None:
    payload = '{"timestamp": 1772366400, "speed": 300}'
    faster = {**VAN, "fields": [{"name": "speed", "kind": "number", "maximum": 300}]}
    assert tried(as_charlie, payload)[0]["accepted"] is False
    assert tried(as_charlie, payload, spec=faster)[0]["accepted"] is True
    for spec, attr in (({**VAN, "topic": 1}, "spec.topic"), ({}, "spec.name"), ({**VAN, "fields": []}, None)):
        body = {"topic": TOPIC, "payload": {}, "spec": spec}
        response = as_charlie.post("/api/v1/models/van/try", body, content_type="application/json")
        assert assert_error(response, 400)["attr"] == attr
        response = as_charlie.post("/api/v1/models/van/trial", {"spec": spec}, content_type="application/json")
        assert assert_error(response, 400)["attr"] == attr


PAYLOADS = [
    "null",
    '"no JSON at all"',
    '""',
    "12345678901234567890123456789012345678901234567890",
    '{"timestamp": 1e999, "speed": 1e999}',
    '{"timestamp": 123456789012345678901234567890, "speed": 1}',
    '{"timestamp": 1, "speed": "\\u0000"}',
    '{"timestamp": 1, "speed": ' + "[" * 900 + "]" * 900 + "}",
]


@pytest.mark.usefixtures("_draft")
def test_any_payload_gets_an_answer(as_charlie: Client) -> None:
    for payload in PAYLOADS:
        (result,) = tried(as_charlie, payload)
        assert result["accepted"] is False
        assert result["reasons"]


@pytest.mark.usefixtures("_draft")
def test_keys_that_the_model_keeps_are_shown_exactly(as_charlie: Client) -> None:
    payload = '{"timestamp": 1772366400, "speed": 1, "odd": [9007199254740993, {"deep": null}]}'
    (result,) = tried(as_charlie, payload, spec={**VAN, "unknown": "keep"})
    assert result["row"]["extra"] == {"odd": [9007199254740993, {"deep": None}]}


BODIES: list[tuple[bytes, str | None]] = [
    (b"{}", "topic"),
    (b'{"topic": "vans/van_1/telemetry"}', "payload"),
    (b'{"topic": "vans/+/telemetry", "payload": {}}', "topic"),
    (b'{"topic": "", "payload": {}}', "topic"),
    (b'{"topic": "boats/b/telemetry", "payload": {}}', "topic"),
    (b'{"topic": "vans/van_1/telemetry", "payload": {}, "specs": {}}', None),
    (b'{"topic": "vans/van_1/telemetry", "payload": "\\ud800"}', None),
    (b'{"topic": "vans/van_1/telemetry", "payload": "\xff"}', None),
    (b'{"topic": "vans', None),
    (b"", "topic"),
    (b"[" * 100_000, None),
]


@pytest.mark.usefixtures("_draft")
def test_a_body_that_cannot_be_read_says_why(as_charlie: Client) -> None:
    for body, attr in BODIES:
        response = as_charlie.post("/api/v1/models/van/try", body, content_type="application/json")
        assert assert_error(response, 400)["attr"] == attr, body[:80]


def test_what_came_lately_is_shown_and_judged_by_the_draft(as_alice: Client, worker: Worker) -> None:
    send(as_alice, "post", body=VAN, status=201)
    send(as_alice, "post", "/van/publish")
    now = 1_772_366_400.0
    for number, speed in enumerate((10, 240, 300)):
        worker.receive((TOPIC, {"timestamp": now, "seq": number, "speed": speed}), at=now)
    worker.receive((TOPIC, b"\xff\x00"), at=now + 1)
    worker.work()
    newest, *others = send(as_alice, "get", "/van/recent")["results"]
    assert (base64.b64decode(newest["payload"]), newest["text"], newest["decoded"]) == (b"\xff\x00", "\\xff\\x00", None)
    assert sorted((item["decoded"]["speed"], item["accepted"]) for item in others) == [
        (10, True),
        (240, True),
        (300, False),
    ]
    slower = {**VAN, "fields": [{"name": "speed", "kind": "number", "maximum": 200}]}
    compared = send(as_alice, "post", "/van/trial", {"spec": slower})
    assert (compared["examined"], compared["passing"], compared["newly_passing"]) == (4, 1, 0)
    assert [(group["place"], group["count"]) for group in compared["newly_failing"]] == [("/speed", 1)]
    assert sum(group["count"] for group in compared["still_failing"]) == 2
    assert send(as_alice, "post", "/van/trial", {"count": 1})["examined"] == 1
    for count in (0, 1001, "many"):
        response = as_alice.post("/api/v1/models/van/trial", {"count": count}, content_type="application/json")
        assert assert_error(response, 400)["attr"] == "count"
