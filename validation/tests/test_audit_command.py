"""`manage.py audit` as people and programs use it: its numbers, its words and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from ingest.envelope import Minutes
from ingest.ring import RECEIVED
from validation.management.commands.audit import Command
from validation.models import DataModel, QuarantineLoss
from validation.quarantine import Selection, discard
from validation.tests.conftest import Worker

KEYS = ["received", "stored", "duplicate", "quarantined", "in_flight", "lost", "expired", "balanced"]
PROJECT = Path(__file__).resolve().parents[2]
TOPIC = "vehicles/vehicle_01/telemetry"
NOW = time.time()


@dataclass(frozen=True)
class Answer:
    """What a run of the command came to."""

    code: int
    out: str
    err: str

    @property
    def numbers(self) -> dict[str, int]:
        """Return the JSON that was printed."""
        found: dict[str, int] = json.loads(self.out)
        return found


def audit(capsys: pytest.CaptureFixture[str], *arguments: str) -> Answer:
    """Run the command in this process, from its command line to its exit code."""
    code = 0
    try:
        Command().run_from_argv(["manage.py", "audit", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    return Answer(code, *capsys.readouterr())


def started(*arguments: str, **environment: str) -> subprocess.Popen[str]:
    """Start the command as a shell would, on the database of these tests."""
    place = connection.settings_dict
    database = f"postgres://{place['USER']}:{place['PASSWORD']}@{place['HOST']}:{place['PORT']}/{place['NAME']}"
    return subprocess.Popen(
        [sys.executable, "manage.py", "audit", *arguments],
        cwd=PROJECT,
        env=os.environ | {"DATABASE_URL": database} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> Answer:
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


def reading(seq: int, **more: object) -> dict[str, object]:
    return {"timestamp": NOW - 100 + seq, "seq": abs(seq), "speed": 50, **more}


@pytest.fixture
def other_buffer() -> str:
    """Another server of the ring, which knows nothing of what the worker does."""
    url: str = settings.BUFFER_URLS[1]
    return url


@pytest.fixture(autouse=True)
def _one_buffer(other_buffer: str, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url])


@pytest.fixture
def worked(worker: Worker) -> Worker:
    """A worker that has stored 3 readings, found 1 twice, refused 2, and has 2 messages to come."""
    worker.receive((TOPIC, reading(1)), (TOPIC, reading(2)), (TOPIC, reading(1)), (TOPIC, b"no json"))
    other = "vehicles/vehicle_02/telemetry"
    worker.receive((other, reading(1)), (other, reading(2, speed=999)))
    worker.work()
    worker.receive((TOPIC, reading(3)), (other, reading(3)))
    return worker


def test_a_shell_sees_the_agreed_keys_exit_codes_and_words(worked: Worker) -> None:
    balanced = started("--json", BUFFER_URLS=worked.url)
    away = started("--json", BUFFER_URLS=f"{worked.url},redis://127.0.0.1:9/0")
    answer = ended(balanced)
    assert (answer.code, answer.err) == (0, "")
    assert list(answer.numbers.items()) == list(zip(KEYS, [8, 3, 1, 2, 2, 0, 0, True], strict=True))
    answer = ended(away)
    assert (answer.code, answer.out) == (3, "")
    assert "cannot be reached" in answer.err
    assert "Traceback" not in answer.err


def test_a_buffer_that_is_not_among_those_asked_is_complained_about(
    worked: Worker, monkeypatch: pytest.MonkeyPatch, other_buffer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(settings, "BUFFER_URLS", [other_buffer])
    answer = audit(capsys, "--json")
    assert (answer.code, list(answer.numbers), answer.numbers["balanced"]) == (1, KEYS, False)
    assert f"The buffer {worked.buffer} has outcomes but is not among BUFFER_URLS" in answer.err


def test_an_option_that_is_none_is_wrong_usage_and_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    answer = audit(capsys, "--jsno")
    assert (answer.code, answer.out) == (2, "")
    assert "--since" in answer.err


def test_people_get_a_table_and_a_verdict(worked: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    answer = audit(capsys)
    lines = answer.out.splitlines()
    assert [line.split()[0] for line in lines] == [*KEYS[:4], "in", *KEYS[5:]]
    assert lines[0].split() == ["received", "8"]
    assert answer.code == 0


def test_books_that_do_not_balance_end_with_1_and_words_on_stderr(
    worked: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    for minute in worked.client.hgetall(RECEIVED):
        worked.client.hincrby(RECEIVED, minute, 5)
    answer = audit(capsys, "--json")
    assert (answer.code, answer.numbers["balanced"], answer.numbers["received"]) == (1, False, 13)
    assert f"The buffer {worked.buffer}: 5 received and not accounted for." in answer.err
    assert "NOT balanced: 5 missing" in audit(capsys).out


def test_a_buffer_that_lost_its_data_is_complained_about(worked: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    worked.client.flushall()
    answer = audit(capsys, "--json")
    assert (answer.code, answer.numbers["balanced"]) == (1, False)
    assert "cannot be checked" in answer.err
    assert worked.buffer in answer.err


def test_a_moment_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    for since in ("yesterday", "nan", "2026-13-01T00:00", "2026-11-21", "1e400", ""):
        answer = audit(capsys, f"--since={since}")
        assert answer.code == 2, since
        assert "neither ISO 8601 nor seconds since 1970" in answer.err


def test_a_database_that_does_not_answer_ends_with_3_and_says_so(
    worker: Worker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "PORT", "9")
        patch.setitem(connection.settings_dict, "OPTIONS", {})  # no pool, which would keep trying for 10 s
        answer = audit(capsys)
    assert (answer.code, answer.out) == (3, "")
    assert "cannot be reached" in answer.err


def test_only_what_came_since_a_minute_counts(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    an_hour_ago = NOW - 3_600
    worker.minutes = _Minutes(an_hour_ago)
    worker.receive((TOPIC, reading(-5_000)), (TOPIC, b"no json"), at=an_hour_ago)
    worker.work()
    worker.receive((TOPIC, reading(-4_000)), at=an_hour_ago)
    worker.minutes = _Minutes(NOW)
    worker.receive((TOPIC, reading(2)), (TOPIC, reading(3)))
    worker.work()
    for since, numbers in ((NOW - 1_800, [2, 2, 0, 0, 0, 0, 0, True]), (NOW - 7_200, [5, 4, 0, 1, 0, 0, 0, True])):
        for written in (str(since), datetime.fromtimestamp(since, UTC).isoformat()):
            assert list(audit(capsys, "--json", "--since", written).numbers.values()) == numbers


def test_what_quarantine_let_go_of_is_said_from_any_minute_on(
    worked: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    assert discard(Selection(code="maximum"), by="a test") == 1
    for since in ("0", str(NOW), str(NOW // 86_400 * 86_400)):
        answer = audit(capsys, "--json", "--since", since)
        assert (answer.code, answer.numbers["quarantined"], answer.numbers["expired"]) == (0, 2, 1)
    assert audit(capsys, "--json", "--since", str(NOW + 3_600)).numbers["expired"] == 0
    assert "1  of the quarantined, and no longer kept" in audit(capsys).out
    QuarantineLoss.objects.all().delete()
    answer = audit(capsys)
    assert (answer.code, answer.out.splitlines()[-1]) == (1, "NOT balanced")
    assert "1 quarantined readings are neither in quarantine nor counted as lost from it." in answer.err


class _Minutes(Minutes):
    """A clock of another time, for the minutes that batches are counted under."""

    def __init__(self, at: float) -> None:
        super().__init__()
        self.at = at

    def of(self, now: float) -> int:
        return int(self.at // 60)


def test_one_device_has_books_of_its_own(worked: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    first = audit(capsys, "--json", "--device", "vehicle_01")
    assert list(first.numbers) == KEYS
    assert list(first.numbers.values()) == [5, 2, 1, 1, 1, None, None, True]
    second = audit(capsys, "--json", "--device", "vehicle_02").numbers
    assert list(second.values()) == [3, 1, 0, 1, 1, None, None, True]
    later = audit(capsys, "--json", "--device", "vehicle_02", f"--since={NOW + 86_400}").numbers
    assert list(later.values()) == [0, 0, 0, 0, 0, None, None, True]


def test_a_device_that_sends_with_several_models_is_counted_in_all(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.receive(
        ("sensors/x/telemetry", [{"device_id": "vehicle_01", "timestamp": NOW + n, "humidity": 5} for n in (1, 2)])
    )
    worker.work()
    DataModel.objects.create(name="draft", topic_filter="drafts/+/telemetry", published=False)
    assert audit(capsys, "--json", "--device", "vehicle_01").numbers["stored"] == 3


def test_a_device_that_nobody_heard_of_is_said_to_be_unknown(
    worked: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    for device in ("vehicle_99", "", "'; DROP TABLE x; --"):
        answer = audit(capsys, "--json", "--device", device)
        assert list(answer.numbers.values()) == [0, 0, 0, 0, 0, None, None, True]
        assert "No reading" in answer.err
        assert answer.code == 0
