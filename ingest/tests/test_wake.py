"""Waking the workers: once per buffer, never in the way, and made good when it fails."""

from __future__ import annotations

import base64
import json
import logging
import secrets
import time
from collections.abc import Callable

import pytest
import redis
from celery import current_app
from django.conf import settings

from ingest.tests.servers import Valkey
from ingest.wake import Waker, send_drain_task, wake_key


def until(condition: Callable[[], bool], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


class Sent:
    """What was sent, and the error that sending raises while there is one."""

    def __init__(self) -> None:
        self.buffers: list[str] = []
        self.error: Exception | None = None
        self.tries = 0

    def __call__(self, task: str, buffer: str) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error
        assert task == "validation.drain"
        self.buffers.append(buffer)


def test_a_buffer_is_woken_once_until_the_task_has_started(start_valkey: Callable[[], Valkey]) -> None:
    server, sent = start_valkey(), Sent()
    waker = Waker(server.url, "validation.drain", sent)
    waker.start()
    for _ in range(50):
        waker.wake("one")
        waker.wake("two")
    until(lambda: sorted(sent.buffers) == ["one", "two"])
    waker.wake("one")
    time.sleep(0.05)
    assert sorted(sent.buffers) == ["one", "two"]
    server.client().delete(wake_key("one"))  # as the task does when it starts
    waker.wake("one")
    until(lambda: sorted(sent.buffers) == ["one", "one", "two"])
    waker.stop()


def test_a_wake_that_got_lost_holds_the_next_one_up_for_five_seconds_at_most(
    start_valkey: Callable[[], Valkey],
) -> None:
    server = start_valkey()
    waker = Waker(server.url, "validation.drain", Sent())
    waker.wake("one")
    assert waker.round()
    assert 0 < server.client().pttl(wake_key("one")) <= 5000


def test_a_task_that_cannot_be_queued_is_tried_again_and_reported_once(
    start_valkey: Callable[[], Valkey], caplog: pytest.LogCaptureFixture
) -> None:
    server, sent = start_valkey(), Sent()
    caplog.set_level(logging.INFO, "ingest.wake")
    waker = Waker(server.url, "validation.drain", sent)
    sent.error = ConnectionError("the queue is away")
    waker.wake("one")
    assert not waker.round()
    assert not waker.round()
    assert server.client().exists(wake_key("one")) == 0, "nobody comes, so the key must not hold up the next wake"
    sent.error = None
    assert waker.round()
    assert sent.buffers == ["one"]
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "cannot wake the workers",
        "workers can be woken again",
    ]


def test_the_caller_does_not_notice_that_redis_is_away(start_valkey: Callable[[], Valkey]) -> None:
    server, sent = start_valkey(), Sent()
    server.kill()
    waker = Waker(server.url, "validation.drain", sent)
    waker.start()
    began = time.monotonic()
    for n in range(1000):
        waker.wake(f"{n % 3}")
    assert time.monotonic() - began < 0.1
    time.sleep(0.1)
    server.start()
    until(lambda: sorted(sent.buffers) == ["0", "1", "2"])
    waker.stop()


def test_stopping_sends_what_is_outstanding(start_valkey: Callable[[], Valkey]) -> None:
    server, sent = start_valkey(), Sent()
    waker = Waker(server.url, "validation.drain", sent)
    waker.start()
    waker.wake("last")
    waker.stop()
    assert sent.buffers == ["last"]


def test_the_task_is_queued_in_celery_by_its_name_with_the_buffer_as_its_only_argument() -> None:
    buffer = secrets.token_hex(6)
    send_drain_task(settings.DRAIN_TASK, buffer)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        queue = current_app.conf.task_default_queue
        [message] = [raw for raw in client.lrange(queue, 0, -1) if buffer.encode() in raw]
        client.lrem(queue, 0, message)
    queued = json.loads(message)
    assert queued["headers"]["task"] == settings.DRAIN_TASK
    assert json.loads(base64.b64decode(queued["body"]))[:2] == [[buffer], {}]
