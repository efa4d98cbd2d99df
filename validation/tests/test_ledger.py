"""The books balance whatever dies, and they stop balancing when a rule is broken on purpose."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from ingest.ring import RECEIVED, STREAM
from validation import ledger, streams
from validation.audit import audit_device
from validation.drain import Drain
from validation.models import LedgerEntry, LedgerMinute
from validation.streams import GROUP, StreamReader
from validation.tests.conftest import Worker

TOPIC = "vehicles/vehicle_01/telemetry"


def reading(number: int, speed: float = 50) -> dict[str, float]:
    return {"timestamp": time.time() - 10_000 + number, "seq": number, "speed": speed}


def rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('telemetry.vehicle')")
        if cursor.fetchone() == (None,):
            return 0
        cursor.execute("SELECT count(*) FROM telemetry.vehicle")
        return int(cursor.fetchone()[0])


def test_a_worker_that_dies_between_commit_and_xack_changes_nothing_when_the_entry_is_judged_again(
    worker: Worker,
) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, reading(2)), (TOPIC, b"no json"))
    reader = StreamReader(worker.client)
    worker.drain.store(worker.buffer, reader.new(10))
    before = worker.audit().total
    Drain().run(StreamReader(worker.client), worker.buffer, seconds=5)
    after = worker.audit()
    assert after.balanced
    assert after.total == before
    assert (after.total.stored, after.total.quarantined, after.total.duplicate) == (2, 1, 0)
    assert worker.client.xlen(STREAM) == 0


def test_a_worker_that_dies_inside_the_transaction_leaves_no_trace(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker.receive((TOPIC, reading(1)))

    def die(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", die)
        with pytest.raises(KeyboardInterrupt):
            worker.work()
    books = worker.audit()
    assert (books.total.stored, books.total.in_flight, books.balanced) == (0, 1, True)
    assert rows() == 0
    worker.work()
    assert worker.audit().total.stored == 1


def test_two_workers_over_the_same_entries_store_each_reading_once(worker: Worker) -> None:
    for start in range(0, 200, 20):
        worker.receive(*[(TOPIC, reading(start + n)) for n in range(20)])
    entries = StreamReader(worker.client).new(100)
    failures: list[BaseException] = []

    def judge() -> None:
        try:
            drain = Drain()
            for entry in entries:
                drain.store(worker.buffer, [entry])
        except BaseException as error:  # noqa: BLE001  (the main thread looks at it)
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=judge) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    StreamReader(worker.client).finish(entries)
    books = worker.audit()
    assert (books.total.stored, books.total.duplicate, books.balanced) == (200, 0, True)
    assert rows() == 200


def test_what_a_dead_worker_held_is_taken_over(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.receive((TOPIC, reading(1)))
    dead = StreamReader(worker.client)
    dead.consumer = "a-worker-that-is-gone"
    assert len(dead.new(10)) == 1
    worker.work()
    assert worker.audit().total.in_flight == 1, "held by somebody who may be alive"
    monkeypatch.setattr(streams, "RECLAIM_AFTER_MS", 0)
    worker.work()
    assert worker.audit().total.stored == 1


def test_a_wiped_buffer_gets_its_group_again_and_the_audit_says_what_was_lost(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    worker.receive((TOPIC, reading(2)))
    worker.client.flushall()
    worker.work()
    books = worker.audit()
    assert not books.balanced
    assert "cannot be checked" in books.complaints[0]


def test_an_entry_that_is_committed_and_not_yet_let_go_counts_once_for_its_device(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, [reading(2), {"speed": -1}]), ("vehicles/other/telemetry", reading(3)))
    worker.drain.store(worker.buffer, StreamReader(worker.client).new(10))
    worker.receive((TOPIC, reading(4)))
    books = audit_device([worker.url], "vehicle_01")
    assert (books.received, books.stored, books.quarantined, books.in_flight) == (4, 2, 1, 1)


# --- Controls: each rule broken on purpose must be noticed ------------------------------------------------------------


def test_control_an_acknowledgement_before_the_commit_is_noticed(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, reading(2)))
    reader = StreamReader(worker.client)
    reader.finish(reader.new(10))  # and here the worker dies
    assert worker.audit().total.missing == 2
    assert not worker.audit().balanced


def test_control_a_stream_entry_deleted_by_hand_is_noticed(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, reading(2)), (TOPIC, reading(3)))
    [entry] = StreamReader(worker.client).new(10)
    worker.client.xdel(STREAM, entry.name)
    assert worker.audit().total.missing == 3


def test_control_an_outcome_that_disappears_is_noticed(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    LedgerEntry.objects.all().delete()
    assert not worker.audit().balanced


# --- Settling ---------------------------------------------------------------------------------------------------------


def test_old_entries_are_folded_into_minutes_and_the_books_stay_the_same(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, b"no json"))
    worker.receive((TOPIC, reading(1)))
    worker.work()
    before = worker.audit().total
    assert ledger.settle(worker.client, worker.buffer, now=time.time() + 3600) >= 1
    assert worker.client.hlen(RECEIVED) == 0
    assert sum(LedgerMinute.objects.values_list("received", flat=True)) == 3
    assert not LedgerEntry.objects.exists()
    assert worker.audit().total == before
    assert worker.audit().balanced


def test_an_entry_that_is_still_in_the_stream_keeps_its_own_row(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.drain.store(worker.buffer, StreamReader(worker.client).new(10))  # and dies before XACK
    ledger.settle(worker.client, worker.buffer, now=time.time() + 3600)
    assert LedgerEntry.objects.count() == 1
    worker.work()
    assert (worker.audit().total.stored, worker.audit().total.duplicate) == (1, 0)


@pytest.mark.parametrize("dies_before", ["_add_received", "END_SETTLING"])
def test_a_settlement_that_dies_on_the_way_is_finished_by_the_next_one(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, dies_before: str
) -> None:
    worker.receive((TOPIC, reading(1)), (TOPIC, reading(2)))
    worker.work()
    with monkeypatch.context() as patch:
        patch.setattr(ledger, dies_before, "return nothing that is Lua" if dies_before.isupper() else None)
        with pytest.raises((TypeError, ResponseError)):
            ledger.settle(worker.client, worker.buffer, now=time.time() + 3600)
    assert worker.audit().balanced
    worker.receive((TOPIC, reading(3)))
    assert worker.audit().balanced
    ledger.settle(worker.client, worker.buffer, now=time.time() + 3600)
    assert worker.audit().balanced
    assert worker.audit().total.received == 3


STEPS = st.lists(
    st.sampled_from(["receive", "again", "bad", "array", "drain", "die after commit", "read and die", "settle"]),
    min_size=1,
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_the_books_balance_after_every_step_of_any_story(worker: Worker, steps: list[str]) -> None:
    number = [0]

    def receive() -> None:
        number[0] += 1
        worker.receive((TOPIC, reading(number[0])))

    def die_after_commit() -> None:
        if entries := StreamReader(worker.client).new(2):
            worker.drain.store(worker.buffer, entries)

    actions: dict[str, Callable[[], object]] = {
        "receive": receive,
        "again": lambda: worker.receive((TOPIC, {"timestamp": 1_700_000_000, "seq": 1, "speed": 1})),
        "bad": lambda: worker.receive((TOPIC, b"no json"), (b"\xff", b"{}")),
        "array": lambda: worker.receive((TOPIC, [reading(0), {"speed": -1}, reading(0, 1)])),
        "drain": worker.work,
        "die after commit": die_after_commit,
        "read and die": lambda: StreamReader(worker.client).new(1),
        "settle": lambda: ledger.settle(worker.client, worker.buffer, now=time.time() + 3600),
    }
    for step in steps:
        actions[step]()
        books = worker.audit()
        assert books.balanced, (step, books)
    worker.work()
    assert worker.audit().total.in_flight == 0
    assert worker.audit().balanced


def test_the_books_balance_while_a_worker_is_at_work(worker: Worker) -> None:
    for start in range(0, 4000, 100):
        worker.receive(*[(TOPIC, reading(start + n)) for n in range(100)])

    def work() -> None:
        worker.work()
        connections.close_all()

    thread = threading.Thread(target=work)
    thread.start()
    looks = 0
    while thread.is_alive():
        assert worker.audit().balanced
        looks += 1
    thread.join()
    assert looks > 1
    assert worker.audit().total.stored == 4000


def test_a_group_that_was_destroyed_is_made_again_and_nothing_is_lost(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.work()
    worker.receive((TOPIC, reading(2)))
    worker.client.xgroup_destroy(STREAM, GROUP)
    worker.work()
    assert worker.audit().total.stored == 2
    assert worker.audit().balanced
