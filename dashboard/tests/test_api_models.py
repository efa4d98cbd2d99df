"""/api/v1/models: drafts that people write, publish, change and take back."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from psycopg.errors import LockNotAvailable
from rest_framework import serializers as drf

from dashboard.serializers.specification import PUMP, FieldSpecification, RuleSpecification, Specification
from dashboard.tests.test_api_access import assert_error
from dashboard.tests.test_api_devices import raising
from validation import publishing
from validation.models import DataModel
from validation.spec import FieldSpec, ModelSpec, Rule

URL = "/api/v1/models"
VAN: dict[str, Any] = {
    "name": "van",
    "topic_filter": "vans/+/telemetry",
    "fields": [
        {"name": "speed", "kind": "number", "unit": "km/h", "required": True, "maximum": 250},
        {"name": "gear", "kind": "integer"},
    ],
}


def send(client: Client, method: str, path: str = "", body: Any = None, status: int = 200) -> Any:
    """Send JSON; return the JSON that comes back."""
    data, media = (b"", "") if body is None else (json.dumps(body), "application/json")
    response = client.generic(method.upper(), URL + path, data, media)
    assert response.status_code == status, response.content
    return response.json() if response.content else None


def test_a_model_is_written_published_changed_and_reverted(as_erin: Client) -> None:
    made = send(as_erin, "post", body={**VAN, "description": "Our vans."}, status=201)
    assert (made["version"], made["in_service"], made["changes"]) == (None, False, ["First version."])
    assert made["draft"] == json.loads(msgspec.json.encode(msgspec.convert(VAN, ModelSpec)))
    first = send(as_erin, "post", "/van/publish", {})
    assert (first["version"], first["in_service"], first["changes"]) == (1, True, [])
    faster = {**VAN, "fields": [{**VAN["fields"][0], "maximum": 300}]}
    changed = send(as_erin, "put", "/van", faster)
    assert changed["description"] == "Our vans."
    told = send(as_erin, "get", "/van/changes")
    assert told["changes"] == ["`speed` maximum 250 → 300", "field `gear` removed; its column and what it holds stay"]
    assert (told["version"], told["going"]) == (1, ["gear"])
    assert send(as_erin, "post", "/van/publish")["version"] == 2
    assert send(as_erin, "post", "/van/publish")["version"] == 2
    assert send(as_erin, "post", "/van/revert", {"version": 1})["draft"] == made["draft"]
    assert send(as_erin, "post", "/van/publish")["version"] == 3
    versions = send(as_erin, "get", "/van/versions?limit=2")
    assert [(item["number"], item["published_by"]) for item in versions["results"]] == [(3, "erin"), (2, "erin")]
    older = send(as_erin, "get", f"/van/versions?before={versions['next']}")
    assert [item["changes"] for item in older["results"]] == [["First version."]]
    assert older["next"] is None
    assert send(as_erin, "get", "/van/versions/2")["spec"]["fields"][0]["maximum"] == 300
    acts = [(entry.user.username, entry.action_flag, entry.change_message) for entry in LogEntry.objects.order_by("pk")]
    assert [flag for _, flag, _ in acts] == [1, 2, 2, 2, 2, 2]
    assert acts[-1] == ("erin", 2, "Through the API: version 3 published.")


def test_the_admins_history_shows_what_was_done_through_the_api(as_erin: Client, alice: User) -> None:
    send(as_erin, "post", body=VAN, status=201)
    client = Client()
    client.force_login(alice)
    page = client.get(f"/admin/validation/datamodel/{DataModel.objects.get().pk}/history/")
    assert "Through the API: created as a draft." in page.content.decode()


def test_a_patch_changes_only_what_it_names(as_erin: Client) -> None:
    before = send(as_erin, "post", body=VAN, status=201)["draft"]
    after = send(as_erin, "patch", "/van", {"retention_days": 30, "description": "Vans."})
    assert after["draft"] == {**before, "retention_days": 30}
    assert after["description"] == "Vans."


def test_a_model_can_be_withdrawn_and_resumed(as_erin: Client) -> None:
    send(as_erin, "post", body=VAN, status=201)
    send(as_erin, "post", "/van/publish")
    assert send(as_erin, "post", "/van/withdraw")["in_service"] is False
    send(as_erin, "post", body={**VAN, "name": "lorry", "topic_filter": "vans/#"}, status=201)
    send(as_erin, "post", "/lorry/publish")
    error = assert_error(as_erin.post(f"{URL}/van/resume", {}, content_type="application/json"), 400, "refused")
    assert "lorry (vans/#)" in error["detail"]
    send(as_erin, "post", "/lorry/withdraw")
    assert send(as_erin, "post", "/van/resume")["in_service"] is True


def test_a_model_is_deleted_only_while_it_has_no_version(as_erin: Client) -> None:
    send(as_erin, "post", body=VAN, status=201)
    send(as_erin, "delete", "/van", status=204)
    assert not DataModel.objects.exists()
    assert LogEntry.objects.latest("pk").object_repr == "van"
    send(as_erin, "post", body=VAN, status=201)
    send(as_erin, "post", "/van/publish")
    assert_error(as_erin.delete(f"{URL}/van"), 409, "has_versions")
    assert_error(as_erin.post(URL, VAN, content_type="application/json"), 409, "exists")


def test_the_list_asks_a_handful_of_questions_however_many_models_there_are(
    as_erin: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(5):
        send(as_erin, "post", body={**VAN, "name": f"van_{number}", "topic_filter": f"vans{number}/+"}, status=201)
    send(as_erin, "post", "/van_3/publish")
    with django_assert_max_num_queries(12):
        listed = send(as_erin, "get")["results"]
    assert [(row["name"], row["version"]) for row in listed] == [(f"van_{n}", 1 if n == 3 else None) for n in range(5)]
    assert listed[3]["rate"] == {
        "stored": 0,
        "duplicate": 0,
        "quarantined": 0,
        "per_second": 0.0,
        "accepted_share": None,
    }


def field(**settings: Any) -> dict[str, Any]:
    return {**VAN, "fields": [{"name": "speed", "kind": "number", **settings}]}


# What is sent, the attribute that is named, and a word of what is said.
REFUSED: list[tuple[Any, str | None, str]] = [
    ({}, "name", "required"),
    ([], None, "object"),
    ({**VAN, "name": 7}, "name", "str"),
    ({**VAN, "topics": "a"}, "topics", "topic_filter"),
    (field(minumum=1), "fields.0.minumum", "minimum"),
    (field(kind="nubmer"), "fields.0.kind", "number, integer"),
    (field(minimum="1"), "fields.0.minimum", "float"),
    ({**VAN, "rules": [{}]}, "rules.0.expression", "required"),
    (field(label="a\0b"), "fields.0.label", "null"),
    ({**VAN, "description": 5}, "description", "text"),
    ({**VAN, "fields": []}, None, "at least one field"),
    ({**VAN, "topic_filter": "vans/#/telemetry"}, None, "#"),
    ({**VAN, "topic_filter": "vans/" + "x" * 300 + "/+"}, None, "255"),
    ({**VAN, "name": "pg_" + "a" * 60}, None, "48 at most"),
    (field(name="speed; DROP TABLE x"), None, "speed; DROP"),
    (field(name="ѕpeed"), None, "ѕpeed"),
    (field(name="ctid"), None, "every table"),
    (field(unit="{" + "furlongs" * 10 + "}"), None, "30 characters"),
    (field(kind="text", pattern="("), None, "speed"),
    (field(kind="text", max_length=10**12), None, "speed"),
    (field(kind="choice", choices=["a,b"]), None, "comma"),
    ({**VAN, "any_of": ["nothing"]}, None, "nothing"),
    ({**VAN, "retention_days": 10**12}, None, "days"),
    ({**VAN, "retention_days": 0}, None, "at least a day"),
    ({**VAN, "device_level": 10**6}, None, "wildcard"),
    ({**VAN, "past_s": -1}, None, "between"),
    ({**VAN, "rules": [{"expression": "nothing > 1"}]}, None, "nothing"),
    ({**VAN, "rules": [{"expression": "speed >"}]}, None, "speed >"),
]


def test_a_model_that_cannot_be_is_refused_in_words(as_erin: Client) -> None:
    for body, attr, word in REFUSED:
        response = as_erin.post(URL, body, content_type="application/json")
        assert assert_error(response, 400)["attr"] == attr, body
        assert any(word in error["detail"] for error in response.json()["errors"]), response.content
    assert not DataModel.objects.exists()


def test_a_reserved_word_is_a_name_like_any_other(as_erin: Client) -> None:
    send(as_erin, "post", body={**field(name="select"), "name": "table"}, status=201)
    assert send(as_erin, "post", "/table/publish")["version"] == 1


def test_a_name_that_is_none_is_not_found_and_says_what_there_is(as_erin: Client) -> None:
    send(as_erin, "post", body=VAN, status=201)
    for name in ("boat", "VAN", "van%00", "van%22%3B%20--", "ｖan", "a" * 300):
        for part in ("", "/versions", "/changes"):
            assert "van" in assert_error(as_erin.get(f"{URL}/{name}{part}"), 404, "unknown_model")["detail"]
    assert "never published" in assert_error(as_erin.get(f"{URL}/van/versions/9"), 404, "unknown_version")["detail"]
    assert_error(as_erin.get(f"{URL}/van/versions/{'9' * 5000}"), 404)


def test_a_draft_keeps_its_name_and_its_meaning(as_erin: Client) -> None:
    send(as_erin, "post", body=VAN, status=201)
    send(as_erin, "post", "/van/publish")
    response = as_erin.put(f"{URL}/van", {**VAN, "name": "lorry"}, content_type="application/json")
    assert assert_error(response, 400, "name")["attr"] == "name"
    response = as_erin.put(f"{URL}/van", field(kind="boolean"), content_type="application/json")
    assert "new name" in assert_error(response, 400, "refused")["detail"]


def test_a_busy_table_is_told_with_what_to_do(as_erin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    send(as_erin, "post", body=VAN, status=201)
    busy = OperationalError("canceling statement due to lock timeout")
    busy.__cause__ = LockNotAvailable()
    monkeypatch.setattr(publishing, "ensure_table", raising(busy))
    as_erin.raise_request_exception = False
    response = as_erin.post(f"{URL}/van/publish", {}, content_type="application/json")
    assert "try again" in assert_error(response, 503, "busy")["detail"]
    assert response["Retry-After"]


def test_an_act_without_parameters_takes_none(as_erin: Client) -> None:
    send(as_erin, "post", body=VAN, status=201)
    response = as_erin.post(f"{URL}/van/publish", {"dry_run": True}, content_type="application/json")
    assert assert_error(response, 400, "unknown")["attr"] == "dry_run"
    assert assert_error(as_erin.get(f"{URL}/van/versions?befor=1"), 400, "unknown")["attr"] == "befor"


def test_what_the_document_says_of_a_specification_is_what_is_read() -> None:
    pairs: list[tuple[type[drf.Serializer[Any]], type[msgspec.Struct]]] = [
        (Specification, ModelSpec),
        (FieldSpecification, FieldSpec),
        (RuleSpecification, Rule),
    ]
    for described, read in pairs:
        fields = described().fields
        assert set(fields) == set(read.__struct_fields__)
        needed = {part.name for part in msgspec.structs.fields(read) if part.required}
        assert {name for name, part in fields.items() if part.required} == needed


def test_the_example_is_a_model_that_can_be_published(as_erin: Client) -> None:
    send(as_erin, "post", body=PUMP, status=201)
    assert send(as_erin, "post", "/pump/publish")["in_service"] is True
