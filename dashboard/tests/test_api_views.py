"""Saved views of the explorer: whose they are, who sees them, and what none of them can be."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.api.v1 import views
from dashboard.models import SavedView
from dashboard.roles import give_role
from dashboard.tests.conftest import by_token
from dashboard.tests.test_api_access import assert_error
from dashboard.uses import charts
from validation.tests.stored import publish_model

VIEWS = "/api/v1/views"
SPEED = "field=van.speed&device=*&duration=1h"


def save(client: Client, name: str, query: str = SPEED, shared: bool = False) -> Any:
    body = {"name": name, "query": query, "shared": shared}
    return client.post(VIEWS, body, content_type="application/json")


def change(client: Client, number: int, **what: object) -> Any:
    return client.patch(f"{VIEWS}/{number}", what, content_type="application/json")


def names(client: Client) -> list[tuple[str, bool]]:
    return [(view["name"], view["mine"]) for view in client.get(VIEWS).json()["results"]]


def test_a_view_is_its_owners_until_it_is_shared(as_charlie: Client, as_bob: Client) -> None:
    number = save(as_charlie, " Mornings ", "?" + SPEED).json()["id"]
    assert as_charlie.get(f"{VIEWS}/{number}").json()["query"] == SPEED
    assert (names(as_charlie), names(as_bob)) == ([("Mornings", True)], [])
    assert_error(as_bob.get(f"{VIEWS}/{number}"), 404, "unknown_view")
    assert_error(change(as_bob, number, name="mine now"), 404, "unknown_view")
    assert change(as_charlie, number, shared=True).json()["shared"] is True
    assert names(as_bob) == [("Mornings", False)]
    assert as_bob.get(f"{VIEWS}/{number}").json()["owner"] == "charlie"


def test_what_others_share_can_be_seen_and_not_changed_but_by_an_admin(as_charlie: Client, as_bob: Client) -> None:
    number = save(as_charlie, "Ours", shared=True).json()["id"]
    assert_error(change(as_bob, number, name="Mine"), 403)
    assert_error(as_bob.delete(f"{VIEWS}/{number}"), 403)
    admin = User.objects.create_user("anna")
    give_role(admin, "Admin")
    assert change(by_token(admin), number, name="Everybody's").json()["name"] == "Everybody's"
    assert by_token(admin).delete(f"{VIEWS}/{number}").status_code == 204
    assert names(as_charlie) == []


def test_one_owner_has_no_two_views_of_a_name_and_two_owners_may(as_charlie: Client, as_bob: Client) -> None:
    save(as_charlie, "Same")
    other = save(as_charlie, "Other").json()["id"]
    assert_error(save(as_charlie, "Same"), 409, "name_taken")
    assert_error(change(as_charlie, other, name="Same"), 409, "name_taken")
    assert save(as_bob, "Same").status_code == 201


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"name": "", "query": SPEED}, "name"),
        ({"name": "  ", "query": SPEED}, "name"),
        ({"name": "a\u202eb", "query": SPEED}, "name"),
        ({"name": "x" * 81, "query": SPEED}, "name"),
        ({"name": "x", "query": "field=" + "y" * 8000}, "query"),
        ({"name": "x", "query": "next=https://evil.example"}, "query"),
        ({"name": "x", "query": SPEED, "owner": "alice"}, "owner"),
    ],
)
def test_what_is_no_view_is_refused_with_its_part(as_charlie: Client, body: dict[str, str], attr: str) -> None:
    answer = as_charlie.post(VIEWS, body, content_type="application/json")
    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, attr)
    assert not SavedView.objects.exists()


def test_there_is_an_end_to_views(as_charlie: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    assert [save(as_charlie, name).status_code for name in "abc"] == [201, 201, 409]


def test_whoever_takes_a_field_away_learns_which_views_show_it(as_charlie: Client) -> None:
    publish_model()
    save(as_charlie, "Speeds", shared=True)
    save(as_charlie, "Secret", "field=van.speed&field=van.x&device=*")
    save(as_charlie, "Boats", "field=boat.speed&device=*", shared=True)
    found = [use.name for use in charts("van", frozenset({"speed"}))]
    assert found == ["Live dashboard: Speed", "Saved view: Speeds", "A view that charlie keeps"]


def test_in_the_admin_nobody_reads_what_others_keep(as_charlie: Client, as_bob: Client, alice: User) -> None:
    save(as_charlie, "Kept")
    save(as_bob, "Shown", shared=True)
    browser = Client()
    browser.force_login(alice)
    page = browser.get("/admin/dashboard/savedview/").content.decode()
    assert "Shown" in page
    assert "Kept" not in page
