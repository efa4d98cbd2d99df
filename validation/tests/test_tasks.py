"""The tasks on the real queue: what wakes a worker, and what a failed one leaves behind."""

from __future__ import annotations

import time

import pytest
import redis
from django.conf import settings
from django.db import DatabaseError, connection, connections

from ingest.ring import STREAM
from ingest.wake import wake_key
from validation import replay, tasks
from validation.models import DataModel, Field, Quarantined, Replay
from validation.moments import moment
from validation.publishing import publish
from validation.quarantine import Selection
from validation.replay import records
from validation.streams import GROUP
from validation.tables import columns
from validation.tests.conftest import Worker
from validation.tests.replaying import TOPIC, limit_speed, reading

READING = ("vehicles/vehicle_01/telemetry", {"timestamp": time.time(), "speed": 50})


@pytest.fixture
def queue() -> redis.Redis:
    """The queue, empty."""
    client = redis.Redis.from_url(settings.REDIS_URL)
    client.flushdb()
    return client


def test_a_drain_stores_what_the_buffer_holds_and_lets_the_next_wake_pass(worker: Worker, queue: redis.Redis) -> None:
    queue.set(wake_key(worker.buffer), 1)
    worker.receive(READING)
    tasks.drain(worker.buffer)
    assert worker.audit().total.stored == 1
    assert not queue.exists(wake_key(worker.buffer))


def test_a_sweep_wakes_a_worker_for_a_buffer_that_holds_something_and_only_once(
    worker: Worker, queue: redis.Redis
) -> None:
    tasks.sweep()
    assert queue.llen("celery") == 0
    worker.receive(READING)
    for _ in range(5):
        tasks.sweep()
    assert queue.llen("celery") == 1
    assert queue.exists(wake_key(worker.buffer))


def test_a_buffer_without_memory_is_drained_all_the_same(worker: Worker, queue: redis.Redis) -> None:
    tasks.sweep()  # makes the group
    worker.receive(READING)
    worker.client.config_set("maxmemory", 1)
    try:
        tasks.sweep()
        assert queue.exists(wake_key(worker.buffer))
        tasks.drain(worker.buffer)
        assert not worker.client.xlen(STREAM)
        assert not worker.client.xpending(STREAM, GROUP)["pending"]
    finally:
        worker.client.config_set("maxmemory", 0)
    assert worker.audit().total.stored == 1


def test_a_buffer_that_is_not_in_the_ring_is_named_in_the_log(
    worker: Worker, queue: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    tasks.drain("000000000000")
    assert "000000000000" in caplog.text


def test_a_drain_that_failed_gives_its_broken_connection_up(worker: Worker, queue: redis.Redis) -> None:
    worker.receive(READING)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    with connections.create_connection("default").cursor() as other:
        other.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(DatabaseError):
        tasks.drain(worker.buffer)
    tasks.drain(worker.buffer)
    assert worker.audit().total.stored == 1


def test_settling_goes_over_every_buffer(worker: Worker, queue: redis.Redis) -> None:
    worker.receive(READING)
    worker.work()
    tasks.settle()
    assert worker.audit().balanced


@pytest.fixture
def refused(worker: Worker) -> Worker:
    """A worker that has refused three readings, which would pass by now."""
    limit_speed(10)
    worker.receive(*[(TOPIC, reading(number)) for number in range(3)])
    worker.work()
    limit_speed(250)
    return worker


def test_a_replay_goes_on_turn_by_turn_with_one_wake_on_its_way_at_most(
    refused: Worker, queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "AT_ONCE", 1)
    monkeypatch.setattr(tasks, "REPLAY_SECONDS", 0)
    run = replay.start(Selection(), dry_run=False, by="a test")
    replay.TURNS.wake(run.pk)
    assert queue.llen("celery") == 1
    for turn in range(1, 5):
        tasks.run_replay(run.pk)
        run.refresh_from_db()
        assert (run.stored, queue.exists(replay.TURNS.key(run.pk))) == (min(turn, 3), turn < 4)
    assert run.state == "done"
    assert refused.audit().total.stored == 3


def test_a_sweep_goes_on_with_a_replay_that_lost_its_worker(refused: Worker, queue: redis.Redis) -> None:
    run = replay.start(Selection(), dry_run=False, by="a test", foreground=True)
    tasks.sweep()
    assert queue.llen("celery") == 0
    Replay.objects.update(updated_at=moment(0))
    tasks.sweep()
    tasks.sweep()
    assert queue.llen("celery") == 1
    tasks.run_replay(run.pk)
    assert refused.audit().total.stored == 3


def test_looking_after_the_tables_goes_on_turn_by_turn(
    worker: Worker, queue: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    Field.objects.create(model=DataModel.objects.get(name="vehicle"), name="rpm", kind="integer", position=99)
    publish(DataModel.objects.get(name="vehicle"))
    worker.receive(
        (TOPIC, reading(0) | {"rpm": 1}), (TOPIC, reading(1) | {"timestamp": time.time() - 86_400, "rpm": 2})
    )
    worker.work()
    Field.objects.filter(name="rpm").update(kind="number")
    publish(DataModel.objects.get(name="vehicle"))
    monkeypatch.setattr(tasks, "UPKEEP_SECONDS", 0)
    tasks.look_after_tables()
    assert queue.llen("celery") == 1
    tasks.look_after_tables()
    tasks.look_after_tables()
    assert "rpm__integer" not in columns("vehicle")


def test_quarantine_is_kept_within_its_bounds(refused: Worker, queue: redis.Redis) -> None:
    Quarantined.objects.update(received_at=moment(0))
    tasks.tidy()
    assert not Quarantined.objects.exists()
    assert refused.audit().balanced
