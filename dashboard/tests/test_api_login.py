"""Signing in as a program, and the API's own description."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from dashboard.api.v1.urls import urlpatterns as version_1
from dashboard.tests.conftest import PASSWORD
from dashboard.tests.test_api_access import assert_error


def sign_in(client: Client, username: str, password: str, **headers: str) -> Any:
    body = {"username": username, "password": password}
    return client.post("/admin/login", body, content_type="application/json", headers=headers)


def test_staff_get_a_token_that_opens_the_api(alice: User, stranger: Client) -> None:
    response = sign_in(stranger, "alice", PASSWORD)
    assert response.status_code == 200
    body = response.json()
    assert body.keys() == {"token", "expires"}
    assert datetime.fromisoformat(body["expires"]) > timezone.now()
    client = Client(headers={"Authorization": f"Token {body['token']}"})
    assert client.get("/api/devices/status").status_code == 200
    assert not stranger.cookies


def test_every_failure_is_answered_alike(alice: User, bob: User, stranger: Client) -> None:
    answers = [sign_in(stranger, *pair) for pair in (("alice", "wrong"), ("nobody", "wrong"), ("bob", PASSWORD))]
    alice.is_active = False
    alice.save()
    answers.append(sign_in(stranger, "alice", PASSWORD))
    for response in answers:
        assert_error(response, 401, "bad_credentials")
    assert len({response.content for response in answers}) == 1


def test_guessing_is_throttled_and_then_even_the_right_password_opens_nothing(alice: User, stranger: Client) -> None:
    statuses = [sign_in(stranger, "alice", f"guess {n}").status_code for n in range(11)]
    assert set(statuses) == {401, 429}
    assert statuses.index(429) in (9, 10)
    assert_error(sign_in(stranger, "alice", PASSWORD), 429, "throttled")


def test_the_right_password_of_somebody_who_is_not_staff_counts_as_a_guess(bob: User, stranger: Client) -> None:
    statuses = [sign_in(stranger, "bob", PASSWORD).status_code for n in range(11)]
    assert statuses[-1] == 429


@pytest.mark.django_db
@pytest.mark.parametrize("body", [{}, {"username": "a"}, {"username": ["a"], "password": {}}, [], "x", None])
def test_a_sign_in_without_name_and_password_is_an_error(body: object, stranger: Client) -> None:
    assert_error(stranger.post("/admin/login", body, content_type="application/json"), 400)


@pytest.mark.django_db
def test_a_person_is_sent_to_the_admins_own_page(stranger: Client) -> None:
    response = stranger.get("/admin/login?next=/admin/")
    assert (response.status_code, response["Location"]) == (302, "/admin/login/?next=/admin/")
    assert stranger.get("/admin/login/").status_code == 200


def test_the_openapi_document_describes_every_route_without_a_complaint(as_charlie: Client, tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    document = as_charlie.get("/api/schema").json()
    of_version_1 = {"/api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)) for pattern in version_1}
    assert document["paths"].keys() > of_version_1
    assert document["paths"].keys() - of_version_1 == {
        "/api/devices/status",
        "/api/devices/{device}/latest",
        "/api/devices/{device}/history",
        "/ai/ask",
        "/ai/summary",
        "/mqtt/publish",
        "/bridge/ingest",
        "/validate",
        "/admin/login",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    assert as_charlie.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi"}).status_code == 200


def test_the_page_of_the_api_needs_no_inline_script(charlie: User) -> None:
    client = Client()
    client.force_login(charlie)
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert b"<script>" not in page.content
    policy = page["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy
    assert "default-src 'self'" in policy
    script = client.get("/api/docs?script=")
    assert script["Content-Type"].startswith("application/javascript")
    assert b"/api/schema" in script.content
    assert "unsafe-inline" not in client.get("/login/")["Content-Security-Policy"]
