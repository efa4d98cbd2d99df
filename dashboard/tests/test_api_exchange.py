"""Models in and out through the API: JSON Schema, bundles, templates."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from dashboard.tests.test_api_access import assert_error
from dashboard.tests.test_api_models import VAN, send
from validation.models import DataModel


@pytest.fixture
def van(as_erin: Client) -> Any:
    """Two versions of a model, and a draft that is not published."""
    gear = {"name": "gear", "kind": "integer", "minimum": -1, "maximum": 8}
    send(as_erin, "post", body={**VAN, "fields": [VAN["fields"][0], gear], "description": "Our vans."}, status=201)
    send(as_erin, "post", "/van/publish")
    send(as_erin, "patch", "/van", {"retention_days": 30})
    send(as_erin, "post", "/van/publish")
    return send(as_erin, "patch", "/van", {"retention_days": 60})


def test_a_schema_goes_out_and_comes_back_equal(van: Any, as_erin: Client, as_charlie: Client) -> None:
    response = as_charlie.get("/api/v1/models/van/schema")
    assert response["Content-Type"] == "application/schema+json"
    document = response.json()
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert as_charlie.get("/api/v1/models/van/schema", headers={"Accept": "application/json"}).json() == document
    body = {"schema": document, "name": "lorry", "topic_filter": "lorries/+/telemetry"}
    seen = send(as_erin, "post", "/import", {**body, "dry_run": True, "publish": True})
    assert (seen["version"], DataModel.objects.count()) == (1, 1)
    made = send(as_erin, "post", "/import", body, status=201)
    assert (made["version"], made["notes"], made["description"]) == (None, [], "Our vans.")
    assert made["draft"] == {**van["draft"], "name": "lorry", "topic_filter": "lorries/+/telemetry"}
    assert_error(as_erin.post("/api/v1/models/import", body, content_type="application/json"), 409, "exists")


def test_a_bundle_brings_the_history_along(van: Any, as_erin: Client, as_charlie: Client) -> None:
    response = as_charlie.get("/api/v1/models/van/bundle")
    assert response["Content-Disposition"] == 'attachment; filename="van.model.json"'
    body = {"bundle": response.json(), "name": "lorry", "topic_filter": "lorries/+/telemetry", "publish": True}
    assert send(as_erin, "post", "/import", {**body, "dry_run": True})["in_service"] is True
    assert not DataModel.objects.filter(name="lorry").exists()
    made = send(as_erin, "post", "/import", body, status=201)
    assert (made["version"], made["in_service"]) == (3, True)
    assert [item["number"] for item in send(as_erin, "get", "/lorry/versions")["results"]] == [3, 2, 1]
    assert LogEntry.objects.latest("pk").change_message == "Through the API: imported from a bundle and published."
    again = send(as_erin, "post", "/import", {"bundle": response.json()}, status=201)
    assert (again["name"], again["version"], len(again["changes"])) == ("van", 2, 1)


def test_what_cannot_be_imported_is_refused_whole(van: Any, as_erin: Client) -> None:
    thing = {"type": "object", "properties": {"warmth": {"type": "number"}}}
    rival = {"schema": thing, "name": "room", "topic_filter": "vans/#", "publish": True}
    bodies: list[tuple[dict[str, Any], str | None, str]] = [
        ({}, None, "either"),
        ({"bundle": {}, "schema": {}}, None, "either"),
        ({"bundle": {}}, None, "format"),
        ({"bundle": []}, "bundle", "object"),
        ({"schema": {}, "name": "room", "topic_filter": "rooms/+"}, None, "properties"),
        ({"schema": thing, "name": "room"}, None, "topic filter"),
        ({"schema": thing, "name": "a room\0", "topic_filter": "rooms/+"}, "name", "null"),
        ({"schema": thing, "name": "room", "topic": "rooms/+"}, "topic", "topic_filter"),
        (rival, None, "vans/x"),
    ]
    for body, attr, word in bodies:
        response = as_erin.post("/api/v1/models/import", body, content_type="application/json")
        error = assert_error(response, 400)
        assert (error["attr"], word in error["detail"]) == (attr, True), error
    assert DataModel.objects.count() == 1


def test_a_document_that_is_nested_without_end_is_refused(as_erin: Client) -> None:
    deep: dict[str, Any] = {}
    for _ in range(700):
        deep = {"properties": deep}
    for key in ("bundle", "schema"):
        body = {key: deep, "name": "room", "topic_filter": "rooms/+"}
        assert_error(as_erin.post("/api/v1/models/import", body, content_type="application/json"), 400)
    for path in ("trial", "try"):
        send(as_erin, "post", body=VAN, status=201 if path == "trial" else 409)
        message: dict[str, Any] = {"topic": "vans/a/telemetry", "payload": 1} if path == "try" else {}
        body = {**message, "spec": deep}
        assert_error(as_erin.post(f"/api/v1/models/van/{path}", body, content_type="application/json"), 400)
    assert_error(as_erin.post("/api/v1/models", {**VAN, "fields": [deep]}, content_type="application/json"), 400)


def test_a_template_becomes_a_model_of_ones_own(as_erin: Client, as_charlie: Client) -> None:
    templates = as_charlie.get("/api/v1/templates").json()["results"]
    assert {"vehicle", "weather_station", "energy_meter", "machine", "tracker"} <= {item["name"] for item in templates}
    body = {"template": "weather_station", "name": "roof", "topic_filter": "weather/+/roof", "publish": True}
    made = send(as_erin, "post", "/from-template", body, status=201)
    assert (made["name"], made["topic_filter"], made["in_service"]) == ("roof", "weather/+/roof", True)
    assert send(as_erin, "post", "/from-template", {"template": "tracker"}, status=201)["name"] == "tracker"
    response = as_erin.post("/api/v1/models/from-template", {"template": "yacht"}, content_type="application/json")
    assert "tracker" in assert_error(response, 404, "unknown_template")["detail"]


def test_a_model_may_be_called_import(as_erin: Client) -> None:
    send(as_erin, "post", body={**VAN, "name": "import"}, status=201)
    assert send(as_erin, "patch", "/import", {"description": "Odd."})["description"] == "Odd."
    assert send(as_erin, "get", "/import")["name"] == "import"
    send(as_erin, "delete", "/import", status=204)
