"""What was refused and is right by now is stored once, at its own time, and the books know it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection, connections

from ingest.models import Device
from validation import replay, settling
from validation.announce import Announcer
from validation.backlog import BEHIND
from validation.drafting import save
from validation.ledger import NO_MODEL
from validation.models import DataModel, Duplicate, Latest, Quarantined, Replay
from validation.moves import Moves
from validation.publishing import publish
from validation.quarantine import Selection
from validation.replay import advancing, records, runs
from validation.spec import FieldSpec, ModelSpec
from validation.tests.conftest import Worker
from validation.tests.replaying import TOPIC, finish, limit_speed, reading, replayed, rows, verdicts
from validation.writing import Writer


def vehicle_id() -> int:
    return DataModel.objects.get(name="vehicle").pk


@pytest.fixture
def slow(worker: Worker) -> Worker:
    """A worker that has stored reading 1 and refused readings 2 to 5, because the maximum is 10 km/h."""
    limit_speed(10)
    worker.receive((TOPIC, reading(1, speed=5)), *[(TOPIC, reading(number)) for number in (2, 3, 4)])
    worker.receive((TOPIC, reading(5)))
    worker.work()
    return worker


def test_what_passes_by_now_is_stored_at_its_own_time_and_leaves_quarantine(slow: Worker) -> None:
    received = dict(Quarantined.objects.values_list("position", "received_at"))
    limit_speed(250)
    run = replayed()
    assert (run.state, run.total, run.examined, run.stored, run.failing) == ("done", 4, 4, 4, 0)
    assert rows() == [1, 2, 3, 4, 5]
    assert rows("version") == [2, 3, 3, 3, 3]
    assert rows("received_at")[1] == received[1]
    assert not Quarantined.objects.exists()
    books = slow.audit()
    assert (books.total.stored, books.total.quarantined, books.expired, books.balanced) == (5, 0, 0, True)
    assert verdicts() == {(vehicle_id(), 2): (1, 0, 0), (vehicle_id(), 3): (4, 0, 0)}


def test_the_newest_value_moves_by_event_time_only_and_nothing_is_announced(
    slow: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    limit_speed(250)
    with monkeypatch.context() as patch:
        patch.setattr(Announcer, "announce", lambda self, *said: told.append(said))
        replayed(Selection(ids=tuple(Quarantined.objects.order_by("pk").values_list("pk", flat=True))[1:]))
    assert told == []
    assert Latest.objects.get().seq == 5
    replayed()
    assert (rows(), Latest.objects.get().seq) == ([1, 2, 3, 4, 5], 5)


def test_a_dry_run_says_what_would_become_and_changes_nothing(slow: Worker) -> None:
    limit_speed(250)
    slow.receive((TOPIC, b"no json"), ("boats/boat_01/telemetry", {"timestamp": 1}))
    slow.work()
    before = list(Quarantined.objects.order_by("pk").values())
    run = replayed(dry_run=True)
    assert (run.state, run.examined, run.stored, run.failing) == ("done", 6, 4, 2)
    groups = [(group["code"], group["count"], group["sample"]) for group in run.outcome["failing"]]
    assert groups == [("not_json", 1, "no json"), ("unknown_topic", 1, '{"timestamp":1}')]
    assert list(Quarantined.objects.order_by("pk").values()) == before
    assert rows() == [1]
    assert slow.audit().balanced


def test_what_fails_still_stays_with_what_is_wrong_with_it_now(slow: Worker) -> None:
    [first, *_] = Quarantined.objects.order_by("pk")
    limit_speed(40)
    run = replayed(Selection(ids=(first.pk,)))
    assert (run.stored, run.failing) == (0, 1)
    again = Quarantined.objects.get(pk=first.pk)
    assert (again.code, again.place, again.version, again.device) == ("maximum", "/speed", 3, "vehicle_01")
    assert "40" in again.reasons[0]["detail"]
    assert bytes(again.payload) == bytes(first.payload)
    assert verdicts() == {(vehicle_id(), 2): (1, 0, 3), (vehicle_id(), 3): (0, 0, 1)}
    assert slow.audit().balanced


def test_a_reading_that_was_stored_in_the_meantime_is_a_duplicate(slow: Worker) -> None:
    limit_speed(250)
    slow.receive((TOPIC, reading(2)))
    slow.work()
    run = replayed()
    assert (run.stored, run.duplicate) == (3, 1)
    assert rows() == [1, 2, 3, 4, 5]
    assert sum(Duplicate.objects.values_list("count", flat=True)) == 1
    assert slow.audit().balanced


BOAT = ModelSpec(name="boat", topic_filter="boats/+/telemetry", fields=(FieldSpec(name="depth", kind="number"),))


def test_an_array_that_was_kept_whole_becomes_as_many_readings(worker: Worker) -> None:
    now = time.time()
    batch = [
        {"timestamp": now, "depth": 1},
        {"timestamp": now + 1, "depth": "deep"},
        {"timestamp": now + 2, "depth": 3},
    ]
    worker.receive(("boats/boat_01/telemetry", batch), ("boats/boat_01/telemetry", []))
    worker.work()
    boat = save(BOAT)
    publish(boat)
    run = replayed(Selection(model=""))
    assert (run.total, run.examined, run.stored, run.failing) == (2, 2, 2, 2)
    assert rows("depth", "boat") == [1.0, 3.0]
    kept = {(row.code, row.place, bytes(row.payload)[-15:], row.device) for row in Quarantined.objects.all()}
    assert kept == {("type", "/depth", b'"depth":"deep"}', "boat_01"), ("empty_array", "", b"[]", "boat_01")}
    books = worker.audit()
    assert (books.total.received, books.total.stored, books.total.quarantined) == (4, 2, 2)
    assert books.balanced
    assert verdicts() == {(boat.pk, 1): (2, 0, 2)}


def test_a_reading_that_is_an_array_itself_is_not_taken_for_a_message(worker: Worker) -> None:
    worker.receive((TOPIC, [[reading(1)]]))
    worker.work()
    assert (replayed().stored, worker.reasons()) == (0, [["type"]])


def test_readings_on_topics_that_are_no_text_stay_as_they_are(worker: Worker) -> None:
    worker.receive((b"vehicles/\xff/telemetry", reading(1)), (b"", reading(2)))
    worker.work()
    before = list(Quarantined.objects.values())
    run = replayed()
    assert (run.examined, run.failing) == (2, 2)
    assert list(Quarantined.objects.values()) == before
    assert worker.audit().balanced


def test_readings_of_settled_minutes_are_moved_in_the_sums(slow: Worker) -> None:
    slow.receive(("boats/boat_01/telemetry", [{"timestamp": 1}, {"timestamp": 2}]))
    slow.work()
    settling.settle(slow.client, slow.buffer, now=time.time() + 3600)
    limit_speed(250)
    replayed()
    assert (slow.audit().total.stored, slow.audit().total.quarantined) == (5, 1)
    assert slow.audit().balanced
    assert verdicts() == {(vehicle_id(), 2): (1, 0, 0), (vehicle_id(), 3): (4, 0, 0), NO_MODEL: (0, 0, 1)}


def test_a_row_that_the_table_refuses_stays_alone(slow: Worker) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE telemetry.vehicle ADD CONSTRAINT odd CHECK (seq <> 3)")
    limit_speed(250)
    run = replayed()
    assert (run.stored, run.failing, rows()) == (3, 1, [1, 2, 4, 5])
    assert [row.code for row in Quarantined.objects.all()] == ["refused_by_table"]
    assert slow.audit().balanced


def test_devices_and_days_are_made_where_they_are_missing(slow: Worker) -> None:
    slow.receive(("vehicles/new/telemetry", {"timestamp": time.time() - 40 * 86_400, "speed": 99}))
    slow.work()
    limit_speed(250)
    assert replayed(Selection(device="new"), dry_run=True).stored == 1
    assert not Device.objects.filter(name="new").exists()
    assert replayed(Selection(device="new")).stored == 1
    assert Device.objects.filter(name="new").exists()


def test_a_replay_that_is_stopped_goes_on_where_it_was(slow: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_speed(250)
    monkeypatch.setattr(records, "AT_ONCE", 1)
    run = replay.start(Selection(), dry_run=False, by="a test", foreground=True)
    assert replay.advance(run.pk, 0)
    replay.stop(run.pk)
    assert not replay.advance(run.pk, 60)
    run.refresh_from_db()
    assert (run.state, run.examined, run.stored) == ("stopped", 1, 1)
    assert replay.resume(run.pk, foreground=True)
    finish(run)
    assert (run.state, run.examined, run.stored) == ("done", 4, 4)
    assert not replay.resume(run.pk)


def test_what_came_after_a_replay_began_is_not_its_business(slow: Worker) -> None:
    run = replay.start(Selection(), dry_run=False, by="a test", foreground=True)
    slow.receive((TOPIC, reading(6)))
    slow.work()
    limit_speed(250)
    finish(run)
    assert (run.stored, Quarantined.objects.count()) == (4, 1)


@pytest.mark.parametrize("dies_in", ["_write_back", "_note"])
def test_a_replay_that_dies_inside_a_step_leaves_no_trace_of_it(
    slow: Worker, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    limit_speed(250)
    run = replay.start(Selection(), dry_run=False, by="a test", foreground=True)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(advancing, dies_in, die)
        with pytest.raises(KeyboardInterrupt):
            replay.advance(run.pk, 60)
    assert (rows(), Quarantined.objects.count()) == ([1], 4)
    assert slow.audit().balanced
    finish(run)
    assert (run.stored, rows()) == (4, [1, 2, 3, 4, 5])
    assert slow.audit().balanced


def test_a_record_that_nobody_foresaw_does_not_hold_up_the_others(
    slow: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit_speed(250)
    judge = Writer.judge

    def fails(self: Writer, batches: list) -> object:  # type: ignore[type-arg]
        if any(b'"seq":3' in payload for batch in batches for payload in batch.payloads):
            raise RuntimeError("something nobody thought of")
        return judge(self, batches)

    monkeypatch.setattr(Writer, "judge", fails)
    run = replayed()
    assert (run.state, run.examined, run.stored, run.failing) == ("done", 4, 3, 1)
    assert run.outcome["failing"][0]["code"] == "not_judged"
    assert slow.audit().balanced


def test_a_replay_waits_while_live_ingest_is_behind(slow: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_speed(250)
    run = replay.start(Selection(), dry_run=False, by="a test", foreground=True)
    for number in range(BEHIND + 1):
        slow.receive((TOPIC, reading(100 + number)))
    assert replay.advance(run.pk, 60)
    run.refresh_from_db()
    assert (run.state, run.examined) == ("running", 0)
    slow.work()
    finish(run)
    assert run.stored == 4


def test_a_replay_that_lost_its_worker_is_found(slow: Worker) -> None:
    run = replay.start(Selection(), dry_run=True, by="a test", foreground=True)
    assert replay.abandoned() == []
    assert replay.abandoned(datetime.now(UTC) + runs.ABANDONED_AFTER + timedelta(seconds=1)) == [run.pk]
    finish(run)
    assert replay.abandoned(datetime.now(UTC) + timedelta(days=1)) == []


def test_replays_and_a_worker_at_once_store_each_reading_once(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "AT_ONCE", 7)
    limit_speed(10)
    for start in range(0, 120, 20):
        worker.receive(*[(TOPIC, reading(start + n)) for n in range(20)])
    worker.work()
    limit_speed(250)
    for start in range(0, 240, 20):
        worker.receive(*[(TOPIC, reading(start + n)) for n in range(20)])
    run = replay.start(Selection(), dry_run=False, by="a test", foreground=True)
    others = [replay.start(Selection(), dry_run=False, by="a test", foreground=True) for _ in range(2)]
    failures: list[BaseException] = []

    def go_on(run: Replay) -> None:
        try:
            while Replay.objects.get(pk=run.pk).state == "running":
                replay.advance(run.pk, 0)
        except OperationalError as error:
            failures.append(error)
        finally:
            connections.close_all()

    def work() -> None:
        worker.work()
        settling.settle(worker.client, worker.buffer, now=time.time() + 3600)
        connections.close_all()

    threads = [threading.Thread(target=go_on, args=[each]) for each in (run, run, *others)]
    threads.append(threading.Thread(target=work))
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert worker.audit().balanced
    assert failures == []
    replayed()
    assert rows() == list(range(240))
    books = worker.audit()
    assert (books.total.stored, books.total.duplicate, books.total.quarantined) == (240, 120, 0)
    assert books.balanced


# --- Controls: each rule broken on purpose must be noticed ------------------------------------------------------------


def forget_the_books(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Moves, "write", lambda self: None)


def keep_the_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(records, "delete", lambda ids: None)


def delete_before_storing(patch: pytest.MonkeyPatch) -> None:
    judge = Writer.judge

    def deletes(self: Writer, batches: list) -> object:  # type: ignore[type-arg]
        records.delete(list(Quarantined.objects.values_list("pk", flat=True)))
        return judge(self, batches)

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    patch.setattr(Writer, "judge", deletes)
    patch.setattr(advancing, "_mine", dies)


@pytest.mark.parametrize("broken", [forget_the_books, keep_the_record, delete_before_storing])
def test_control_a_replay_that_breaks_a_rule_is_noticed(
    slow: Worker, monkeypatch: pytest.MonkeyPatch, broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    limit_speed(250)
    broken(monkeypatch)
    with suppress(KeyboardInterrupt):
        replayed()
    assert not slow.audit().balanced
    assert "quarantine" in slow.audit().complaints[0].lower()
