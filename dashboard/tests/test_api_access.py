"""Who may come in, and that every error has one shape."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern
from knox.models import AuthToken

from dashboard.tests.conftest import by_token
from dashboard.urls_api import urlpatterns as included

# Those of version 1 have a table of their own, in test_api_roles.
urlpatterns = [pattern for pattern in included if isinstance(pattern, URLPattern)]
OPEN = {"healthz", "readyz", "admin-login"}
POSTED = {"mqtt-publish", "bridge-ingest"}
PUBLISHERS_ONLY = POSTED


def address(pattern: URLPattern) -> str:
    return "/" + str(pattern.pattern).replace("<str:device>", "van_1")


def ask(client: Client, pattern: URLPattern) -> Any:
    if pattern.name in POSTED:
        return client.post(address(pattern), {}, content_type="application/json")
    return client.get(address(pattern))


def assert_error(response: Any, status: int, code: str | None = None) -> dict[str, Any]:
    """Check that an answer is an error in the one shape; return its first item."""
    assert response.status_code == status, response.content
    body = response.json()
    assert body.keys() == {"type", "errors"}
    assert body["type"] in ("validation_error", "client_error", "server_error")
    assert all(error.keys() == {"code", "detail", "attr"} for error in body["errors"])
    first: dict[str, Any] = body["errors"][0]
    assert code in (None, first["code"]), body
    return first


PROTECTED = [pattern for pattern in urlpatterns if pattern.name not in OPEN]


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", PROTECTED, ids=lambda pattern: pattern.name)
def test_a_stranger_gets_nothing_from_any_route(pattern: URLPattern, stranger: Client) -> None:
    response = ask(stranger, pattern)
    if pattern.name == "docs":
        assert response.status_code == 302
        assert response["Location"].startswith("/login/")
    else:
        assert_error(response, 401, "not_authenticated")
        assert response["WWW-Authenticate"].startswith("Token")


@pytest.mark.django_db
@pytest.mark.parametrize("pattern", [p for p in urlpatterns if p.name in PUBLISHERS_ONLY], ids=lambda p: p.name)
def test_charlie_may_not_send_anything_in(pattern: URLPattern, as_charlie: Client) -> None:
    assert_error(ask(as_charlie, pattern), 403, "permission_denied")


@pytest.mark.django_db
def test_charlie_may_look(as_charlie: Client) -> None:
    response = as_charlie.get("/api/devices/status")
    assert response.json() == []
    assert response["Cache-Control"] == "no-store"
    assert as_charlie.get("/validate").json() == []


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "a" * 64, "ü", "a b", "'; --", "\x00"])
def test_a_token_that_is_none_is_refused(token: str) -> None:
    client = Client(headers={"Authorization": f"Token {token}"})
    assert_error(client.get("/api/devices/status"), 401, "authentication_failed")


def test_a_token_ends_with_its_user_and_with_its_row(charlie: User) -> None:
    client = by_token(charlie)
    assert client.get("/api/devices/status").status_code == 200
    charlie.is_active = False
    charlie.save()
    assert_error(client.get("/api/devices/status"), 401)
    charlie.is_active = True
    charlie.save()
    AuthToken.objects.all().delete()
    assert_error(client.get("/api/devices/status"), 401)


def test_no_token_is_kept_as_it_is(charlie: User) -> None:
    row, token = AuthToken.objects.create(charlie)
    assert token not in str(AuthToken.objects.filter(pk=row.pk).values())


def test_a_session_needs_its_csrf_token_to_change_anything(bob: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(bob)
    assert client.get("/api/devices/status").status_code == 200
    response = client.post("/bridge/ingest", {"device_id": "a"}, content_type="application/json")
    assert "CSRF" in assert_error(response, 403, "permission_denied")["detail"]


@pytest.mark.parametrize("path", ["/api/nothing", "/api/devices/status/", "/validate/", "/mqtt/publish/", "/api/"])
def test_an_address_that_does_not_exist_is_an_error_of_the_same_shape(path: str, as_alice: Client) -> None:
    assert_error(as_alice.get(path), 404, "not_found")
    assert_error(as_alice.post(path, {}, content_type="application/json"), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [("post", "/api/devices/status"), ("get", "/mqtt/publish"), ("delete", "/validate"), ("put", "/healthz")],
)
def test_a_wrong_method_is_an_error_of_the_same_shape(method: str, path: str, as_alice: Client) -> None:
    assert_error(getattr(as_alice, method)(path), 405, "method_not_allowed")


@pytest.mark.parametrize("path", ["/mqtt/publish", "/bridge/ingest", "/admin/login"])
def test_a_body_that_is_not_json_is_an_error_of_the_same_shape(path: str, as_alice: Client) -> None:
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        assert_error(as_alice.post(path, b"a=1", content_type=media), 415, "unsupported_media_type")
    for body in (b"{", b"\xff", b'{"a": NaN}', b'{"a": "\\ud800"}', b"[" * 10_000):
        assert_error(as_alice.post(path, body, content_type="application/json"), 400)
    huge = b'"' + b"x" * (1024 * 1024) + b'"'
    assert_error(as_alice.post(path, huge, content_type="application/json"), 413, "too_large")


def test_a_body_of_unknown_length_is_refused_and_not_taken_for_empty(as_bob: Client) -> None:
    headers = {"Transfer-Encoding": "chunked"}
    response = as_bob.generic("POST", "/bridge/ingest", content_type="application/json", headers=headers)
    assert_error(response, 411, "length_required")


@pytest.mark.django_db
def test_a_host_that_is_not_ours_is_an_error_of_the_same_shape(stranger: Client) -> None:
    assert_error(stranger.get("/api/devices/status", headers={"Host": "evil.example"}), 400)
