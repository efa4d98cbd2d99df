"""Two real schedulers on one queue and one database: each job once for each slot, whoever lives."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis
from celery.beat import ScheduleEntry
from celery.schedules import crontab
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from dataflow.models import ScheduledJob
from dataflow.scheduler import every_s, take
from ingest.postgres import Postgres
from tests.project import eventually
from validation.vitals import WORKER_QUEUES

BEAT = ("-m", "celery", "-A", "dataflow", "beat", "-S", "dataflow.scheduler.SlotScheduler", "-l", "warning")
SWEEP, SWEEP_S = "validation.sweep", 3.0


@contextmanager
def scheduler(data_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a scheduler as a host of its own would."""
    database = settings.DATABASE_URL.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    lean = {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "dataflow.lean", "CELERY_SKIP_CHECKS": "1"}
    environment = os.environ | lean | {"DATA_DIR": str(data_dir)}
    process = subprocess.Popen([sys.executable, *BEAT], env=environment, cwd=Path(__file__).parents[2])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def sent(queue: redis.Redis) -> list[dict[str, Any]]:
    """Return the tasks in the queue, oldest first; nobody takes them."""
    found: Any = queue.lrange("celery", 0, -1)
    return [json.loads(message)["headers"] for message in reversed(found)]


def sweeps(queue: redis.Redis) -> list[float]:
    """Return when the sweeps in the queue were sent."""
    return [headers["sent"] for headers in sent(queue) if headers["task"] == SWEEP]


@pytest.fixture
def queue(transactional_db: None) -> Iterator[redis.Redis]:
    """The queue, empty."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


def test_two_schedulers_send_each_job_once_a_slot_and_one_goes_on_alone(queue: redis.Redis, tmp_path: Path) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(scheduler(tmp_path / name)) for name in ("first", "second"))
        eventually(lambda: queue.hlen("dataflow:schedulers") == 2, "both have started", 60)
        eventually(lambda: len(sweeps(queue)) >= 4, "sweeps are sent", 30)
        first.kill()
        killed = time.time()
        eventually(lambda: sum(at > killed for at in sweeps(queue)) >= 3, "the other one goes on", 30)
        second.send_signal(signal.SIGSTOP)
        moments = sweeps(queue)
    slots = [int(at // SWEEP_S) for at in moments]
    assert len(set(slots)) == len(slots), "no slot was sent twice"
    longest = max(after - before for before, after in itertools.pairwise(moments))
    assert longest < 2 * SWEEP_S + 1.5, "and none was left out for long, not even when one died"
    for task in ("validation.settle", "validation.tidy", "validation.upkeep", "validation.canary"):
        assert task in {headers["task"] for headers in sent(queue)}, "what is due seldom is sent at once"
    holders = set(ScheduledJob.objects.values_list("holder", flat=True))
    assert 1 <= len(holders) <= 2


def test_a_slot_can_be_taken_once_and_the_past_not_at_all(queue: redis.Redis) -> None:
    postgres = Postgres("a test", 2)
    try:
        assert take(postgres, "hourly", 3600, "one")
        assert not take(postgres, "hourly", 3600, "two")
        assert ScheduledJob.objects.get().holder == "one"
        ScheduledJob.objects.update(slot=ScheduledJob.objects.get().slot + 1)
        assert not take(postgres, "hourly", 3600, "woken up"), "its slot is over"
        ScheduledJob.objects.update(slot=ScheduledJob.objects.get().slot + 10)
        assert take(postgres, "hourly", 3600, "one"), "the database's clock was set back"
        assert take(postgres, "hourly", 1800, "one"), "its slots are others now"
    finally:
        postgres.close()


def test_a_job_without_an_interval_is_refused_by_name() -> None:
    with pytest.raises(ImproperlyConfigured, match="nightly"):
        every_s(ScheduleEntry(name="nightly", task="x", schedule=crontab(hour=3)))


def test_each_queue_that_workers_take_from_has_a_canary() -> None:
    jobs = settings.CELERY_BEAT_SCHEDULE.values()
    canaries = [job["args"] for job in jobs if job["task"] == "validation.canary"]
    assert canaries == [[queue] for queue in WORKER_QUEUES]
