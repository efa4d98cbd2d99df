"""Bridges over the API and in the admin: who holds what, and what is wrong in words."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.roles import give_role
from ingest.models import BridgeProcess, BridgeSlot, Leader

PAGE = "/admin/ingest/bridgeprocess/"


def a_bridge(name: str, seen_s: float = 1, **more: object) -> BridgeProcess:
    seen = Now() - timedelta(seconds=seen_s)
    values = {"host": "ship", "pid": 7, "machine": "", "born": 1, "since": seen, "seen_at": seen}
    expires = {"expires_at": seen + timedelta(seconds=10)}
    return BridgeProcess.objects.create(id=name, name=name, **values | expires | more)


def a_slot(number: int, bridge: BridgeProcess | None, ends_s: float = 5, **more: object) -> None:
    ends = Now() + timedelta(seconds=ends_s)
    BridgeSlot.objects.create(client_id=f"s{number}", number=number, bridge=bridge, expires_at=ends, **more)


@pytest.fixture
def two(db: None) -> BridgeProcess:
    """A bridge that leads and holds both slots, and one that has died."""
    one = a_bridge("one", since=Now() - timedelta(hours=3))
    a_bridge("dead", seen_s=600)
    a_slot(0, one, since=Now(), epoch=3)
    a_slot(1, one, since=Now(), epoch=4)
    Leader.objects.create(name="bridges", holder="one", epoch=6, since=Now(), seen_at=Now())
    return one


@pytest.fixture
def vera(db: None) -> Client:
    """Vera may look, also in the admin."""
    user = User.objects.create_user("vera", is_staff=True)
    give_role(user, "Viewer")
    client = Client()
    client.force_login(user)
    client.get("/healthz")  # the first request loads every page, and what is looked at here is counted in seconds
    return client


def test_programs_learn_who_holds_what_and_who_leads(
    two: BridgeProcess, vera: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(12):
        answer = vera.get("/api/v1/bridges").json()
    dead, one = sorted(answer["results"], key=lambda bridge: bridge["name"])
    assert (one["alive"], one["leader"], one["fit"], one["host"], one["pid"]) == (True, True, True, "ship", 7)
    assert [(slot["number"], slot["client_id"], slot["epoch"]) for slot in one["slots"]] == [(0, "s0", 3), (1, "s1", 4)]
    assert one["slots"][0]["since"].endswith("Z")
    assert (dead["alive"], dead["leader"], dead["slots"]) == (False, False, [])
    assert (answer["leader"]["bridge"], answer["leader"]["epoch"], answer["leader"]["alive"]) == ("one", 6, True)
    assert (answer["next"], answer["vacant"], answer["problems"]) == (None, [], [])


def test_the_document_of_the_api_describes_the_answer(two: BridgeProcess, vera: Client) -> None:
    document = vera.get("/api/schema?format=json").json()
    described = document["components"]["schemas"]
    answer = vera.get("/api/v1/bridges").json()
    assert sorted(described["BridgeListing"]["properties"]) == sorted(answer)
    assert sorted(described["BridgeRow"]["properties"]) == sorted(answer["results"][0])
    assert sorted(described["LeaderRow"]["properties"]) == sorted(answer["leader"])
    assert "ingest.view_bridgeprocess" in document["paths"]["/api/v1/bridges"]["get"]["description"]


def test_a_slot_may_change_hands_and_one_that_is_left_alone_is_a_problem(two: BridgeProcess, vera: Client) -> None:
    BridgeSlot.objects.filter(number=1).update(bridge=None, expires_at=Now() - timedelta(seconds=5))
    answer = vera.get("/api/v1/bridges").json()
    assert [(slot["number"], round(slot["vacant_s"])) for slot in answer["vacant"]] == [(1, 5)]
    assert answer["problems"] == []
    BridgeSlot.objects.filter(number=1).update(expires_at=Now() - timedelta(seconds=16))
    (problem,) = vera.get("/api/v1/bridges").json()["problems"]
    assert "Slot 1 has had no bridge for 16 s" in problem
    assert "Start another bridge: manage.py run_bridge" in problem
    assert "--slots" not in problem
    BridgeProcess.objects.filter(name="one").update(at_most=1)
    (problem,) = vera.get("/api/v1/bridges").json()["problems"]
    assert "may take 1 at most (--slots)" in problem


def test_each_trouble_of_a_bridge_is_said_in_words(two: BridgeProcess, vera: Client) -> None:
    BridgeProcess.objects.filter(name="one").update(fit=False, dropped=1234)
    Leader.objects.update(seen_at=Now() - timedelta(seconds=30))
    lead, unfit, dropped = vera.get("/api/v1/bridges").json()["problems"]
    assert "No bridge has led for 30 s" in lead
    assert "The bridge one on ship (process 7) does not reach the broker" in unfit
    assert "The broker has dropped 1,234 messages" in dropped
    BridgeProcess.objects.all().update(expires_at=Now() - timedelta(seconds=1))
    (problem,) = vera.get("/api/v1/bridges").json()["problems"]
    assert problem == "No bridge runs, so what devices send waits at the broker. Start one: manage.py run_bridge"


def test_the_page_shows_the_same_and_renews_the_part_that_changes(two: BridgeProcess, vera: Client) -> None:
    page = vera.get(PAGE).content.decode()
    assert "Every slot has a living bridge." in page
    assert "<strong>leads</strong>" in page
    assert "epoch 6" in page
    assert f'data-watched="{PAGE}?part=1"' in page
    BridgeSlot.objects.filter(number=1).update(bridge=None, expires_at=Now() - timedelta(seconds=40))
    part = vera.get(f"{PAGE}?part=1").content.decode()
    assert "<html" not in part
    assert "Slot 1 has had no bridge for 40 s" in part
    assert "Slots without a living bridge" in part
    assert vera.get("/readyz").status_code == 200, "the site itself can serve whoever looks after the bridges"


def test_the_page_escapes_what_bridges_say_of_themselves(two: BridgeProcess, vera: Client) -> None:
    BridgeProcess.objects.filter(name="one").update(host="<script>x</script>", fit=False)
    assert b"<script>x" not in vera.get(PAGE).content
    assert b"<script>x" not in vera.get(f"{PAGE}?part=1").content


def test_without_any_bridge_the_page_says_how_to_start_one(db: None, vera: Client) -> None:
    page = vera.get(PAGE).content.decode()
    assert "No bridge has run yet" in page
    assert "manage.py run_bridge" in page


def test_nobody_can_change_or_delete_a_bridge_in_the_admin(two: BridgeProcess, alice: User) -> None:
    client = Client()
    client.force_login(alice)
    assert client.get(f"{PAGE}one/change/").status_code == 200
    assert client.get(f"{PAGE}add/").status_code == 403
    assert client.post(f"{PAGE}one/delete/").status_code == 403
    assert client.post(PAGE, {"action": "delete_selected", "_selected_action": ["one"]}).status_code == 405
    assert BridgeProcess.objects.count() == 2


def test_a_member_of_staff_without_the_permission_is_refused(two: BridgeProcess) -> None:
    client = Client()
    client.force_login(User.objects.create_user("stan", is_staff=True))
    assert client.get(PAGE).status_code == 403
    assert client.get(f"{PAGE}?part=1").status_code == 403
