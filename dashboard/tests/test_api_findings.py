"""Findings through the API: which ones, in pages, what they say, and what people say of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.roles import give_role
from dashboard.tests.conftest import by_token
from insights.models import Finding, SeriesState, WatchCount
from validation.models import DataModel
from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def viewer() -> Client:
    return client_of("Viewer")


def client_of(role: str) -> Client:
    user = User.objects.create_user(role.lower())
    give_role(user, role)
    return by_token(user)


def found(device: str = "van_1", minutes: int = 0, **more: Any) -> Finding:
    spec = publish_model()
    sender = store(spec, device, [(NOON.timestamp() + minutes, {"speed": 50.0})], seq=minutes)
    start = NOON + timedelta(minutes=minutes)
    values = {"kind": "spike", "start": start, "end": start, "at": start, "value": 143.0, "low": 40.0, "high": 95.0}
    model = DataModel.objects.get(name="van")
    return Finding.objects.create(device=sender, model=model, field="speed", score=0.9, **values | more)


def ids(client: Client, **query: Any) -> list[int]:
    return [row["id"] for row in client.get("/api/v1/findings", query).json()["results"]]


def test_a_finding_is_told_in_a_sentence_with_its_numbers(viewer: Client) -> None:
    one = found(hourly=True)
    row = viewer.get("/api/v1/findings").json()["results"][0]
    assert row["sentence"] == "Speed 143 km/h at 12:00, usually 40–95 at this hour"
    assert {name: row[name] for name in ("id", "device", "model", "field", "label", "unit", "kind", "open")} == {
        "id": one.pk, "device": "van_1", "model": "van", "field": "speed", "label": "Speed", "unit": "km/h",
        "kind": "spike", "open": True,
    }  # fmt: skip


def test_a_silence_says_since_when_and_how_often_something_came(viewer: Client) -> None:
    one = found()
    Finding.objects.filter(pk=one.pk).update(kind="missing", by="silence", field="", value=1.0)
    assert viewer.get("/api/v1/findings").json()["results"][0]["sentence"] == (
        "nothing came since 12:00, usually something does every 1 s"
    )
    Finding.objects.update(open=False, end=NOON + timedelta(minutes=5), value=180.0)
    assert viewer.get("/api/v1/findings").json()["results"][0]["sentence"] == (
        "nothing came from 12:00 to 12:05, usually something does every 3 min"
    )


def test_findings_are_chosen_and_come_in_pages(viewer: Client) -> None:
    first, second = found(minutes=1, open=False), found(minutes=2, open=False)
    other = found("van_2", minutes=3)
    assert ids(viewer) == [other.pk, second.pk, first.pk]
    assert ids(viewer, device="van_2") == [other.pk]
    assert ids(viewer, field="gear") == []
    assert ids(viewer, kind="spike", open="false") == [second.pk, first.pk]
    assert ids(viewer, since=(NOON + timedelta(seconds=110)).isoformat(), open="false") == [second.pk]
    assert ids(viewer, until=(NOON + timedelta(seconds=110)).timestamp()) == [first.pk]
    page = viewer.get("/api/v1/findings", {"limit": 2}).json()
    assert page["next"] == second.pk
    assert ids(viewer, limit=2, before=page["next"]) == [first.pk]


@pytest.mark.parametrize("query", [{"kind": "odd"}, {"limit": 0}, {"since": "soon"}, {"devices": "van_1"}])
def test_what_makes_no_sense_is_refused(viewer: Client, query: dict[str, Any]) -> None:
    assert viewer.get("/api/v1/findings", query).status_code == 400


def test_an_operator_says_what_a_finding_was_and_takes_it_back() -> None:
    one, operator = found(), client_of("Operator")
    address = f"/api/v1/findings/{one.pk}/feedback"

    def say(verdict: str | None) -> Any:
        return operator.post(address, {"verdict": verdict}, content_type="application/json").json()

    assert say("not_real") == {"id": one.pk, "feedback": "not_real", "sensitivity": 0.5}
    assert operator.get("/api/v1/findings").json()["results"][0]["feedback"] == "not_real"
    assert say("real")["sensitivity"] == 1.25
    assert say(None) == {"id": one.pk, "feedback": None, "sensitivity": 1.0}
    assert say("nonsense")["type"] == "validation_error"
    assert operator.post("/api/v1/findings/99999/feedback", {"verdict": None}, "application/json").status_code == 404


def test_it_says_how_far_the_watcher_is_and_how_many_devices_it_learns(viewer: Client) -> None:
    assert viewer.get("/api/v1/watch").json() | {"readings": 0} == {
        "at": None, "running": False, "behind_s": 0.0, "devices": 0, "learning": 0, "learning_until": None,
        "readings": 0, "values": 0, "findings": 0, "skipped": 0, "suppressed": 0,
    }  # fmt: skip
    one = found()
    SeriesState.objects.create(
        device=one.device, model=one.model, first=NOON, ts=NOON, seq=1, readings=5, state=b"",
        learning_until=NOON + timedelta(hours=1),
    )  # fmt: skip
    WatchCount.objects.create(pk=1, at=datetime.now(UTC), readings=5)
    watch = viewer.get("/api/v1/watch").json()
    assert (watch["running"], watch["devices"], watch["learning"], watch["readings"]) == (True, 1, 1, 5)
    assert watch["learning_until"] == "2026-03-02T13:00:00Z"
