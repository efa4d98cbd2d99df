"""`GET /ai/summary`, and the panel of the live page that shows it."""

from __future__ import annotations

import time

from django.contrib.auth.models import User
from django.test import Client

from dashboard.tests.conftest import by_token
from validation.tests.stored import publish_model, store


def test_a_viewer_gets_text_facts_moment_and_engine(as_charlie: Client) -> None:
    spec = publish_model()
    store(spec, "van_1", [(time.time() - 6_000 + 60 * place, {"speed": 50.0 + place % 3}) for place in range(100)])
    store(spec, "van_2", [(time.time() - 6_000 + 60 * place, {"speed": 80.0}) for place in range(100)])
    found = as_charlie.get("/ai/summary", {"window": "24h", "model": "van", "device": "van_2"}).json()
    assert found.keys() == {"summary", "facts", "generated_at", "engine"}
    assert found["engine"] == "template"
    assert "Speed stayed at 80 km/h (100 readings)." in found["summary"]
    facts = {fact["name"]: fact for fact in found["facts"]}
    assert facts["speed.mean"]["value"] == 80.0
    assert facts["speed.mean"]["sql"].startswith("WITH part AS")
    assert facts["readings"]["value"] == 100
    assert "200 readings of 2 devices" in as_charlie.get("/ai/summary").json()["summary"]


def test_without_a_role_nobody_learns_anything(db: None) -> None:
    assert by_token(User.objects.create_user("nobody")).get("/ai/summary").status_code == 403


def test_what_is_wrong_is_named(as_charlie: Client) -> None:
    for query, attr in (({"window": "x"}, "window"), ({"model": "boat"}, "model"), ({"modle": "van"}, "modle")):
        refused = as_charlie.get("/ai/summary", query)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["attr"] == attr
    assert as_charlie.get("/ai/summary").json()["summary"] == "No device has sent anything yet."


def test_the_live_page_has_a_place_for_it(charlie: User) -> None:
    browser = Client()
    browser.force_login(charlie)
    page = browser.get("/").content.decode()
    assert 'id="told-text"' in page
