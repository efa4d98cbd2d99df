"""Retention over the API and in the admin: what is kept, what goes next, and who may look."""

from __future__ import annotations

import time

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.roles import give_role
from validation.models import DataModel
from validation.publishing import publish
from validation.rollups.running import Roller
from validation.tests.stored import publish_model, store

PAGE = "/admin/validation/expired/"


@pytest.fixture
def vera(db: None) -> Client:
    """Vera may look, also in the admin; a van has sent something yesterday."""
    store(publish_model(), "van_1", [(time.time() - 86_400, {"speed": 1.5})])
    DataModel.objects.filter(name="van").update(retention_days=30, rollup_1m_days=90)
    publish(DataModel.objects.get(name="van"))
    while Roller().run(10, patient=False):
        pass
    user = User.objects.create_user("vera", is_staff=True)
    give_role(user, "Viewer")
    client = Client()
    client.force_login(user)
    return client


def test_programs_learn_what_is_kept_and_what_goes_next(vera: Client) -> None:
    [kept] = vera.get("/api/v1/retention").json()["results"]
    raw, minutes, hours, _ = kept["levels"]
    assert (kept["model"], raw["level"], raw["days"], minutes["days"], hours["days"]) == ("van", "raw", 30, 90, None)
    assert 0 < raw["next"]["bytes"] <= raw["bytes"] < kept["bytes"]
    assert hours["next"] is None
    described = vera.get("/api/schema?format=json").json()["components"]["schemas"]
    assert described["KeptRow"]["properties"].keys() == kept.keys()
    assert described["LevelRow"]["properties"].keys() == raw.keys()


def test_people_see_it_on_a_page(vera: Client) -> None:
    page = vera.get(PAGE).content.decode()
    assert "30 days" in page
    assert "what goes next frees" in page
    assert vera.get(f"{PAGE}removed/").status_code == 200


def test_a_stranger_sees_nothing_of_it(vera: Client) -> None:
    stranger = Client()
    stranger.force_login(User.objects.create_user("stranger", is_staff=True))
    assert stranger.get("/api/v1/retention").status_code == 403
    assert stranger.get(PAGE).status_code == 403
    assert stranger.get(f"{PAGE}removed/").status_code == 403


def test_how_long_rollups_are_kept_is_a_setting_of_the_draft(vera: Client) -> None:
    erin = User.objects.create_user("erin")
    give_role(erin, "Engineer")
    client = Client()
    client.force_login(erin)
    body = {"rollup_1h_days": 400}
    answer = client.patch("/api/v1/models/van", body, content_type="application/json")
    assert answer.status_code == 200
    changes = client.get("/api/v1/models/van/changes").json()
    assert "rollups of an hour kept for (days) none → 400" in str(changes)
    refused = client.patch("/api/v1/models/van", {"rollup_1h_days": 0}, content_type="application/json")
    assert "at least a day" in refused.content.decode()
