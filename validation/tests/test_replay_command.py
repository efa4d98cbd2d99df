"""`manage.py replay` as people and programs use it: what it selects, its words and its exit codes."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from validation import replay
from validation.management.commands.replay import Command
from validation.models import Quarantined, Replay
from validation.replay import records
from validation.tests.conftest import Worker
from validation.tests.replaying import TOPIC, limit_speed, reading, rows
from validation.tests.test_audit_command import Answer


@pytest.fixture(autouse=True)
def refused(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker that has refused two speeds, no JSON and a boat; the speeds would pass by now."""
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url])
    limit_speed(10)
    worker.receive((TOPIC, reading(1)), (TOPIC, reading(2)), (TOPIC, b"no json"), ("boats/boat_01/telemetry", {}))
    worker.work()
    limit_speed(250)
    return worker


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Answer:
    """Run the command in this process, from its command line to its exit code."""
    code = 0
    try:
        Command().run_from_argv(["manage.py", "replay", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    return Answer(code, *capsys.readouterr())


def document(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.out)
    return found


def test_a_dry_run_says_what_would_become_of_it_and_a_run_does_it(capsys: pytest.CaptureFixture[str]) -> None:
    dry = run(capsys, "--dry-run")
    assert dry.code == 0
    assert [line.split(maxsplit=1) for line in dry.out.splitlines()[1:4]] == [
        ["4", "of 4 records looked at"],
        ["2", "readings would be stored"],
        ["2", "still failing"],
    ]
    assert "1 unknown_topic : No published model" in dry.out
    assert (rows(), Quarantined.objects.count()) == ([], 4)
    done = run(capsys, "--json")
    assert (done.code, done.err) == (0, "")
    found = document(done)
    assert list(found) == [
        *("id", "state", "dry_run", "selection", "total", "examined", "stored", "duplicate", "failing"),
        *("outcome", "error"),
    ]
    assert (found["state"], found["stored"], found["failing"], found["selection"]) == ("done", 2, 2, {})
    assert rows() == [1, 2]


def test_the_options_select(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, total in (
        (["--model", "vehicle"], 3),
        (["--model", ""], 1),
        (["--reason", "maximum", "--field", "speed"], 2),
        (["--reason", "maximum", "--field", "/speed"], 2),
        (["--field", "gps.speed"], 0),
        (["--device", "vehicle_01", "--since", "2020-01-01T00:00"], 3),
        (["--since", "4000000000"], 0),
    ):
        assert document(run(capsys, "--dry-run", "--json", *arguments))["total"] == total, arguments


def test_wrong_usage_ends_with_2_and_says_what_would_be_right(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, words in (
        (["--model", "vehicel"], "there are: sensor, vehicle"),
        (["--since", "yesterday"], "neither ISO 8601 nor seconds since 1970"),
        (["--resume", "999"], "There is no replay 999"),
        (["--resume", "1", "--dry-run"], "takes no other option"),
        (["--resume", "soon"], "invalid int value"),
    ):
        answer = run(capsys, *arguments)
        assert (answer.code, answer.out) == (2, "")
        assert words in answer.err


def test_an_interruption_stops_it_and_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "AT_ONCE", 1)
    advance = replay.advance

    def interrupted(number: int, seconds: float, writer: Any) -> bool:
        if Replay.objects.get(pk=number).examined == 1:
            raise KeyboardInterrupt
        return advance(number, 0, writer)

    with monkeypatch.context() as patch:
        patch.setattr(replay, "advance", interrupted)
        answer = run(capsys)
    [stopped] = Replay.objects.all()
    assert (answer.code, stopped.state) == (130, "stopped")
    assert f"manage.py replay --resume {stopped.pk}" in answer.err
    assert document(run(capsys, "--resume", str(stopped.pk), "--json"))["examined"] == 4
    assert rows() == [1, 2]


def test_progress_is_for_people_who_look_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(capsys).err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "2 of 2 records" in run(capsys).err


def test_a_failure_ends_with_1_and_a_service_that_is_away_with_3(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(records, "read", lambda *_: 1 / 0)
        answer = run(capsys)
    assert answer.code == 1
    assert "It failed: ZeroDivisionError: division by zero" in answer.err
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", "9")
        patch.setitem(connection.settings_dict, "OPTIONS", {})  # no pool, which would keep trying for 10 s
        answer = run(capsys)
    assert (answer.code, answer.out) == (3, "")
    assert "cannot be reached" in answer.err
