"""Who holds what, for pages and programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command
from django.db.models.functions import Now

from ingest.bridges import bridges, vacant_slots
from ingest.models import BridgeProcess, BridgeSlot, Leader

pytestmark = pytest.mark.django_db


def a_bridge(name: str, seen_s: float = 1, **more: object) -> BridgeProcess:
    seen = Now() - timedelta(seconds=seen_s)
    values = {"host": "ship", "pid": 7, "machine": "", "born": 1, "since": datetime(2026, 5, 1, tzinfo=UTC)}
    process = BridgeProcess(id=name, name=name, seen_at=seen, expires_at=seen + timedelta(seconds=10), **values | more)
    process.save(force_insert=True)
    return process


def a_slot(number: int, bridge: BridgeProcess | None, **more: object) -> None:
    ends = Now() + timedelta(seconds=-5 if bridge is None or bridge.name == "dead" else 5)
    BridgeSlot.objects.create(client_id=f"s{number}", number=number, bridge=bridge, expires_at=ends, **more)


@pytest.fixture
def fleet() -> None:
    one, dead = a_bridge("one", at_most=2), a_bridge("dead", seen_s=60)
    a_bridge("idle", fit=False)
    a_slot(0, one, since=Now(), epoch=3)
    a_slot(1, dead)
    a_slot(2, None)
    a_slot(3, one, retiring=True)
    Leader.objects.create(name="bridges", holder="one", since=Now(), seen_at=Now())


def test_a_bridge_is_shown_with_its_age_its_slots_and_whether_it_leads(fleet: None) -> None:
    found = {bridge.name: bridge for bridge in bridges()}
    one, dead, idle = found["one"], found["dead"], found["idle"]
    assert (one.alive, one.leader, one.fit, one.at_most, one.pid, one.host) == (True, True, True, 2, 7, "ship")
    assert [(slot.number, slot.epoch, slot.retiring) for slot in one.slots] == [(0, 3, False), (3, 0, True)]
    assert one.slots[0].since is not None
    assert 1 <= one.heartbeat_age_s < 10 < 60 <= dead.heartbeat_age_s
    assert (dead.alive, dead.leader) == (False, False)
    assert (idle.alive, idle.fit, idle.slots) == (True, False, [])
    assert [slot.number for slot in vacant_slots()] == [1, 2]


def test_a_leader_that_has_not_shown_itself_leads_no_more(fleet: None) -> None:
    Leader.objects.update(seen_at=Now() - timedelta(seconds=30))
    assert not any(bridge.leader for bridge in bridges())


def test_the_command_shows_people_what_is_held_and_what_is_not(fleet: None, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        call_command("bridges")
    shown = capsys.readouterr().out
    assert caught.value.code == 1
    assert "leads, at most 2" in shown
    assert "0, s3 (ending)" in shown
    assert "lives, not fit" in shown
    assert "no living bridge holds 1, 2" in shown


def test_the_command_answers_programs(fleet: None, capsys: pytest.CaptureFixture[str]) -> None:
    BridgeSlot.objects.exclude(number=0).delete()
    call_command("bridges", "--json")
    answer = json.loads(capsys.readouterr().out)
    assert answer["vacant"] == []
    assert {bridge["name"] for bridge in answer["bridges"] if bridge["leader"]} == {"one"}


def test_without_any_bridge_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("bridges")
    assert "manage.py run_bridge" in capsys.readouterr().out
