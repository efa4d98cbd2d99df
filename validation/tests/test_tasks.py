"""The tasks on the real queue: what wakes a worker, and what a failed one leaves behind."""

from __future__ import annotations

import time

import pytest
import redis
from django.conf import settings
from django.db import DatabaseError, connection, connections

from ingest.wake import wake_key
from validation import tasks
from validation.tests.conftest import Worker

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
