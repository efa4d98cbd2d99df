"""Signs of life: who is seen, which queue moves, and a worker that lives and is deaf ends itself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import redis
from celery import current_app
from django.conf import settings
from django.core.management import call_command

from tests.project import eventually
from validation import tasks, vitals
from validation.tests import deaf_worker
from validation.vitals import DEAF_STATUS, WORKERS, Canary, Vitals
from validation.workers import overview, queues_that_stand


@pytest.fixture
def queue(db: None) -> Iterator[redis.Redis]:
    """The queue, empty."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


def worker(ended: list[bool], url: str | None = None) -> Vitals:
    """Return the vitals of a worker that counts as deaf after 50 ms."""
    url = url or settings.REDIS_URL
    return Vitals(url, WORKERS, "worker-0@ship", ("celery",), end=lambda: ended.append(True), deaf_s=0.05)


def test_a_worker_is_seen_with_what_it_does(queue: redis.Redis) -> None:
    vital = worker([])
    vital.task_begins("validation.drain")
    vital.round()
    (seen,) = overview().workers
    assert (seen.name, seen.task, seen.tasks, seen.alive, seen.pid) == (
        "worker-0@ship",
        "validation.drain",
        0,
        True,
        os.getpid(),
    )
    vital.task_ends()
    vital.round()
    (seen,) = overview().workers
    assert (seen.task, seen.tasks) == ("", 1)


def test_a_worker_that_gets_no_task_is_deaf_only_when_there_are_some(queue: redis.Redis) -> None:
    ended: list[bool] = []
    vital = worker(ended)
    time.sleep(0.06)
    vital.round()
    assert ended == [], "nothing waits, and no canary flies"
    current_app.send_task("validation.sweep")
    vital.task_begins("validation.breathe")
    vital.round()
    assert ended == [], "it has just begun one"
    time.sleep(0.06)
    vital.round()
    assert ended == [True]
    queue.delete("celery")
    vitals.note_canary(queue, "celery", None, "another")
    vital.round()
    assert ended == [True, True], "others get theirs"


def test_a_worker_whose_queue_is_away_is_not_deaf(queue: redis.Redis, caplog: pytest.LogCaptureFixture) -> None:
    ended: list[bool] = []
    vital = worker(ended, "redis://127.0.0.1:1/0")
    time.sleep(0.06)
    for _ in range(3):
        vital.round()
    assert ended == []
    assert caplog.text.count("cannot show that this process lives") == 1


def test_a_canary_says_that_its_queue_moves_and_calls_every_other_worker(queue: redis.Redis) -> None:
    assert queues_that_stand() == [], "nothing has run yet"
    for _ in range(3):
        worker([]).round()
    tasks.canary("celery")
    (found,) = overview().queues
    assert found.moves
    assert found.waiting == 2, "two more empty tasks, for the other two workers"
    old = vitals.canaries(queue)["celery"]
    packed: Any = msgspec.msgpack.encode(Canary("celery", old.sent, old.at - 41, 0.1, "x"))
    queue.hset(vitals.CANARIES, "celery", packed)
    assert queues_that_stand() == ["The queue celery has not moved for 41 s."]


def test_what_is_wrong_is_said_with_what_to_do(queue: redis.Redis, capsys: pytest.CaptureFixture[str]) -> None:
    no_worker, no_scheduler = overview().problems
    assert "No worker runs" in no_worker
    assert "celery -A dataflow worker" in no_worker
    assert "No scheduler runs" in no_scheduler
    with pytest.raises(SystemExit) as status:
        call_command("workers")
    assert status.value.code == 1
    assert no_worker in capsys.readouterr().out


def test_a_worker_that_became_deaf_ends_itself_and_shows_where_it_hung(queue: redis.Redis, tmp_path: Path) -> None:
    log = tmp_path / "log"
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "dataflow.settings", "DATA_DIR": str(tmp_path)}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "validation.tests.deaf_worker", "worker@test"],
            env=environment | {"CELERY_SKIP_CHECKS": "1"},
            cwd=Path(__file__).parents[2],
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: queue.hlen(WORKERS) == 1, "it has started", 60)
        for _ in range(2):
            current_app.send_task("validation.breathe")
        eventually(lambda: (tmp_path / "run" / "worker").exists(), "it hears", 30)
        current_app.send_task(deaf_worker.TASK)
        for _ in range(5):  # it may have taken the first of them already
            current_app.send_task("validation.breathe")
        assert process.wait(60) == DEAF_STATUS
    finally:
        process.kill()
        process.wait()
    assert "deaf: tests.deafen" in log.read_text()
    assert "in deafen" in log.read_text()
    (seen,) = overview().workers
    assert not seen.alive, "a process of this machine that is gone is known to be gone at once"
