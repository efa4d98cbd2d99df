"""The books balance whatever dies, and they stop balancing when a rule is broken on purpose."""

from __future__ import annotations

import threading
import time
from contextlib import suppress

import pytest
from django.db import connection, connections
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from redis.exceptions import ResponseError

from ingest.ring import RECEIVED, STREAM
from validation import ledger, quarantine, replay, settling, streams
from validation.audit import audit_device
from validation.drain import Drain
from validation.models import DataModel, LedgerEntry, LedgerMinute, Quarantined
from validation.moments import moment
from validation.replay import advancing, records
from validation.streams import GROUP, StreamReader
from validation.tests import replaying
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


def test_an_entry_says_which_version_of_which_model_judged_it_and_how(worker: Worker) -> None:
    sensor = "sensors/attic/telemetry"
    humid = {"device_id": "attic", "timestamp": time.time(), "humidity": 40}
    worker.receive((TOPIC, reading(1)), (TOPIC, [reading(2), {}]), (sensor, humid), (sensor, humid), ("boats/1", {}))
    worker.work()
    replaying.limit_speed(10)
    worker.receive((TOPIC, reading(3)))
    worker.work()
    ids = dict(DataModel.objects.values_list("name", "pk"))
    first, second = LedgerEntry.objects.order_by("entry_ms", "entry_seq")
    assert first.verdicts == sorted([[0, 0, 0, 0, 1], [ids["vehicle"], 1, 2, 0, 1], [ids["sensor"], 1, 1, 1, 0]])
    assert second.verdicts == [[ids["vehicle"], 2, 0, 0, 1]]


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
    assert settling.settle(worker.client, worker.buffer, now=time.time() + 3600) >= 1
    assert worker.client.hlen(RECEIVED) == 0
    assert sum(LedgerMinute.objects.values_list("received", flat=True)) == 3
    assert not LedgerEntry.objects.exists()
    assert worker.audit().total == before
    assert worker.audit().balanced


def test_an_entry_that_is_still_in_the_stream_keeps_its_own_row(worker: Worker) -> None:
    worker.receive((TOPIC, reading(1)))
    worker.drain.store(worker.buffer, StreamReader(worker.client).new(10))  # and dies before XACK
    settling.settle(worker.client, worker.buffer, now=time.time() + 3600)
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
        patch.setattr(settling, dies_before, "return nothing that is Lua" if dies_before.isupper() else None)
        with pytest.raises((TypeError, ResponseError)):
            settling.settle(worker.client, worker.buffer, now=time.time() + 3600)
    assert worker.audit().balanced
    worker.receive((TOPIC, reading(3)))
    assert worker.audit().balanced
    settling.settle(worker.client, worker.buffer, now=time.time() + 3600)
    assert worker.audit().balanced
    assert worker.audit().total.received == 3


class Story:
    """What can happen to a platform, a step at a time."""

    STEPS = (
        *("receive", "again", "bad", "array", "unknown array", "drain", "die after commit", "read and die", "settle"),
        *("strict", "lenient", "replay", "replay and die", "discard", "tidy"),
    )

    def __init__(self, worker: Worker) -> None:
        self.worker = worker
        self.right: set[int] = set()  # sequences of the readings that a lenient vehicle takes

    def tell(self, step: str) -> None:
        getattr(self, "_" + step.replace(" ", "_"))()

    def _receive(self) -> None:
        self.worker.receive((TOPIC, self._reading()))

    def _reading(self) -> dict[str, float]:
        self.right.add(len(self.right) + 1)
        return replaying.reading(len(self.right))

    def _again(self) -> None:
        self.worker.receive((TOPIC, replaying.reading(0)), (TOPIC, replaying.reading(0)))

    def _bad(self) -> None:
        self.worker.receive((TOPIC, b"no json"), (b"\xff", b"{}"))

    def _array(self) -> None:
        self.worker.receive((TOPIC, [self._reading(), {"speed": -1}, replaying.reading(0), self._reading()]))

    def _unknown_array(self) -> None:
        """Of a model that is published with the lenient vehicle, and not in service with the strict one."""
        self.worker.receive(("sensors/attic/telemetry", [{"humidity": 1}, {"humidity": 2, "device_id": "attic"}]))

    def _drain(self) -> None:
        self.worker.work()

    def _die_after_commit(self) -> None:
        if entries := StreamReader(self.worker.client).new(2):
            self.worker.drain.store(self.worker.buffer, entries)

    def _read_and_die(self) -> None:
        StreamReader(self.worker.client).new(1)

    def _settle(self) -> None:
        settling.settle(self.worker.client, self.worker.buffer, now=time.time() + 3600)

    def _strict(self) -> None:
        replaying.limit_speed(10)
        DataModel.objects.filter(name="sensor").update(published=False)

    def _lenient(self) -> None:
        replaying.limit_speed(250)
        DataModel.objects.filter(name="sensor").update(published=True)

    def _replay(self) -> None:
        replaying.replayed()

    def _replay_and_die(self) -> None:
        """Die in the second step, as a `kill -9` would: one record is done, and the next one almost."""
        run = replay.start(quarantine.Selection(), dry_run=False, by="a test", foreground=True)
        noted = iter((advancing._note, _die))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(records, "AT_ONCE", 1)
            patch.setattr(advancing, "_note", lambda *said: next(noted)(*said))
            with suppress(Died):
                replay.advance(run.pk, 60)

    def _discard(self) -> None:
        quarantine.discard(quarantine.Selection(code="not_json"), by="a test")

    def _tidy(self) -> None:
        """Of the sensor's readings quarantine keeps none: they are too old an hour from now."""
        Quarantined.objects.filter(topic__startswith="sensors").update(received_at=moment(0))
        quarantine.enforce_limits()


class Died(BaseException):
    """The process is gone."""


def _die(*_: object) -> None:
    raise Died


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(Story.STEPS), min_size=1, max_size=12))
@example(steps=["strict", "receive", "drain", "settle", "replay and die", "lenient", "replay and die"])
def test_the_books_balance_after_every_step_of_any_story(worker: Worker, steps: list[str]) -> None:
    story = Story(worker)
    for step in steps:
        story.tell(step)
        books = worker.audit()
        assert books.balanced, (step, books)
    for step in ("drain", "lenient", "replay"):
        story.tell(step)
    books = worker.audit()
    assert (books.balanced, books.total.in_flight) == (True, 0)
    assert story.right <= set(replaying.rows())
    assert len(replaying.rows()) == books.total.stored
    found = [sum(column) for column in zip(*replaying.verdicts().values(), strict=True)]
    assert found == [books.total.stored, books.total.duplicate, books.total.quarantined]
    assert not Quarantined.objects.filter(code="maximum").exists()


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
