"""Entries that keep failing: taken apart until only the guilty messages are in quarantine, by errors and by deaths."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.db import OperationalError, ProgrammingError
from hypothesis import given
from hypothesis import strategies as st

from ingest.ring import STREAM
from validation import replay, streams, writing
from validation.attempts import ALONE_TRIES, ATTEMPTS, Attempt, Fault, Step
from validation.models import Quarantined
from validation.quarantine import Selection
from validation.streams import StreamReader
from validation.tests import mortal
from validation.tests.conftest import Worker

TOPIC = "vehicles/vehicle_01/telemetry"
FAULT = Fault("worker_died", "")


def reading(number: int, **more: Any) -> dict[str, Any]:
    return {"timestamp": time.time() - 10_000 + number, "seq": number, "speed": 50, **more}


def deadly(number: int) -> dict[str, Any]:
    return reading(number, note=mortal.MARK.decode())


def guilty_seqs() -> list[int]:
    return sorted(json.loads(bytes(row.payload))["seq"] for row in Quarantined.objects.all())


def fail_on_the_mark(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    judge = vars(writing)["judge"]

    def failing(batches: Any, *more: Any) -> Any:
        if any(mortal.MARK in payload for batch in batches for payload in batch.payloads):
            raise error
        return judge(batches, *more)

    monkeypatch.setattr(writing, "judge", failing)


# --- The steps, without anything else ---------------------------------------------------------------------------------


def deaths_until_done(attempt: Attempt, guilty: set[int]) -> int:
    """Play all tries of an entry in which some messages fail whenever they are judged; return how many failed."""
    failures = 0
    while True:
        trying = attempt.begin("a worker")
        judged = set(range(trying.start, trying.end)) - (set(attempt.guilty) if trying.step is Step.LAST else set())
        if not judged & guilty:
            if trying.step is not Step.PART:
                return failures
            attempt.passed()
        else:
            failures += 1
            attempt.failed(FAULT)


@given(st.integers(1, 500), st.data())
def test_what_is_guilty_is_found_and_nothing_else(messages: int, data: st.DataObject) -> None:
    guilty = data.draw(st.sets(st.integers(0, messages - 1), max_size=5))
    attempt = Attempt(messages)
    deaths_until_done(attempt, guilty)
    assert set(attempt.guilty) == guilty


@pytest.mark.parametrize("place", [0, 1, 249, 250, 499])
def test_one_guilty_message_of_500_costs_twelve_workers_at_most(place: int) -> None:
    assert 1 + deaths_until_done(Attempt(500), {place}) <= 3 + 9


def test_an_entry_that_fails_only_as_a_whole_is_set_aside_as_a_whole() -> None:
    attempt = Attempt(4)
    for _ in range(100):
        trying = attempt.begin("a worker")
        if trying.step is Step.PART:
            attempt.passed()
        elif len(attempt.guilty) == 4:
            break
        else:
            attempt.failed(FAULT)
    assert set(attempt.guilty) == {0, 1, 2, 3}


# --- Errors -----------------------------------------------------------------------------------------------------------


def test_a_message_that_raises_goes_to_quarantine_alone(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_on_the_mark(monkeypatch, RuntimeError("no idea"))
    good = [(TOPIC, reading(number)) for number in range(20)]
    worker.receive(*good[:7], (TOPIC, deadly(100)), *good[7:15], (TOPIC, deadly(101)), (TOPIC, b"no json"))
    worker.receive(*good[15:])
    for _ in range(ALONE_TRIES + 1):
        worker.work()
    books = worker.audit()
    assert (books.total.stored, books.total.quarantined, books.total.in_flight) == (20, 3, 0)
    assert books.balanced
    kept = {row.position: row for row in Quarantined.objects.filter(code="not_judged")}
    assert sorted(kept) == [7, 16]
    assert json.loads(bytes(kept[7].payload))["seq"] == 100
    assert kept[7].model is not None
    assert "RuntimeError: no idea" in kept[7].reasons[0]["detail"]
    assert worker.client.xlen(STREAM) == 0
    assert not worker.client.exists(ATTEMPTS)


def test_an_entry_whose_every_message_raises_is_kept_as_it_came(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_on_the_mark(monkeypatch, MemoryError())
    worker.receive((TOPIC, deadly(1)), (TOPIC, deadly(2)), (TOPIC, deadly(3)))
    for _ in range(ALONE_TRIES + 1):
        worker.work()
    assert guilty_seqs() == [1, 2, 3]
    assert worker.audit().balanced
    assert worker.audit().total.in_flight == 0
    assert replay.start(Selection(), dry_run=True, by="").total == 0, "a replay would not survive them either"
    assert replay.start(Selection(code="not_judged"), dry_run=True, by="").total == 3


@pytest.mark.parametrize("error", [OperationalError("gone"), ProgrammingError("no such table")])
def test_what_is_wrong_with_the_database_is_never_put_down_to_an_entry(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    worker.receive((TOPIC, deadly(1)))
    with monkeypatch.context() as patched:
        fail_on_the_mark(patched, error)
        for _ in range(10):
            with pytest.raises(type(error)):
                worker.work()
    worker.work()
    assert worker.audit().total.stored == 1
    assert not Quarantined.objects.exists()


def test_a_buffer_without_room_for_a_note_is_drained_all_the_same(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.receive((TOPIC, reading(1)))
    assert StreamReader(worker.client).new(1)
    before = worker.client.config_get("maxmemory")["maxmemory"]
    worker.client.config_set("maxmemory", 1)
    try:
        worker.work()
    finally:
        worker.client.config_set("maxmemory", str(before))
    assert worker.audit().total.stored == 1


# --- Deaths -----------------------------------------------------------------------------------------------------------


def test_a_message_that_kills_its_worker_is_found_by_the_deaths_and_the_others_are_stored(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, deadly(2)), (TOPIC, reading(3)), (TOPIC, reading(4)))
    worker.receive((TOPIC, reading(5)))
    codes = [mortal.start(worker.url, "die").wait(60)]
    worker.receive((TOPIC, reading(6)))
    while codes[-1] == mortal.DIED and len(codes) < 10:
        time.sleep(streams.SETTLED_MS / 1000)
        codes.append(mortal.start(worker.url, "die").wait(60))
        if len(codes) == 3:
            assert worker.audit().total.stored == 2, "entries that are innocent go on meanwhile"
    assert codes == [mortal.DIED] * (len(codes) - 1) + [0]
    assert len(codes) - 1 <= 3 + 2
    assert guilty_seqs() == [2]
    assert worker.reasons() == [["worker_died"]]
    books = worker.audit()
    assert (books.total.received, books.total.stored, books.total.in_flight, books.balanced) == (6, 5, 0, True)
    assert not worker.client.exists(ATTEMPTS)


def test_what_a_killed_worker_held_is_taken_over_at_once_on_the_same_machine(worker: Worker) -> None:
    worker.receive((TOPIC, deadly(1)))
    process = mortal.start(worker.url, "wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    worker.work()
    assert worker.audit().total.in_flight == 1, "it lives, so it may still finish"
    process.kill()
    process.wait()
    time.sleep(streams.SETTLED_MS / 1000)
    worker.work()
    assert (worker.audit().total.stored, worker.audit().balanced) == (1, True)


def test_two_processes_never_have_the_same_name_and_the_living_are_not_dead() -> None:
    mine = streams.consumer_name()
    assert not streams.is_dead(mine)
    assert not streams.is_dead("a-worker-of-an-older-version-4711")
    host, pid, born, mark, made_up = mine.rsplit(":", 4)
    assert streams.is_dead(f"{host}:{pid}:{int(born) - 1}:{mark}:{made_up}"), "its number belongs to another one now"
    assert not streams.is_dead(f"{host}:{pid}:{int(born) - 1}:00000000:{made_up}"), "another machine cannot be asked"
