"""What Celery runs: thin doors to the services of this room."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar, cast

import redis
from celery import shared_task
from django.conf import settings
from django.db import connection

from ingest.ring import connect, identify, without_password
from ingest.wake import WAKE_TTL_S, send_drain_task, wake_key
from validation import ledger
from validation.drain import Drain
from validation.streams import StreamReader

log = logging.getLogger(__name__)

# Seconds that one task drains before it makes room for another buffer's.
DRAIN_SECONDS = 5.0

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Worker:
    """What a worker process keeps between tasks: the drain with its caches, and a connection to each server."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.drain = Drain()
        self.queue = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5)
        self._clients = {url: connect(url) for url in settings.BUFFER_URLS}
        self._urls: dict[str, str] = {}

    def client(self, buffer: str) -> redis.Redis | None:
        """Return a client of the buffer with this identity, asking the servers when it is not remembered."""
        if buffer not in self._urls:
            for url in self._clients:
                try:
                    self._urls[identify(url)] = url
                except redis.RedisError as error:
                    log.warning("the buffer %s cannot be asked who it is: %s", without_password(url), error)
        return self._clients.get(self._urls.get(buffer, ""))


_workers: list[Worker] = []


def worker_of_process() -> Worker:
    """Return this process's worker; one that was forked gets its own."""
    if not _workers or _workers[0].process != os.getpid():
        _workers[:] = [Worker()]
    return _workers[0]


@contextmanager
def fresh_connection_after_failure() -> Iterator[None]:
    """Give the database connection up when something fails: it may be broken, and Celery keeps it for many tasks."""
    try:
        yield
    except Exception:
        connection.close()
        raise


def task(name: str) -> Callable[[Callable[Arguments, Answer]], Callable[Arguments, Answer]]:
    """Make a function a Celery task that leaves no broken database connection behind."""

    def register(function: Callable[Arguments, Answer]) -> Callable[Arguments, Answer]:
        guarded = fresh_connection_after_failure()(function)
        return cast(Callable[Arguments, Answer], shared_task(name=name)(guarded))

    return register


@task(settings.DRAIN_TASK)
def drain(buffer: str) -> None:
    """Drain one buffer for a while; ask for another turn when there is more."""
    worker = worker_of_process()
    client = worker.client(buffer)
    # From here on a new batch wakes another worker: it may come after this one has looked.
    worker.queue.delete(wake_key(buffer))
    if client is None:
        log.warning("no server of the ring is the buffer %s; the sweep will look again", buffer)
    elif worker.drain.run(StreamReader(client), buffer, DRAIN_SECONDS):
        wake(worker, buffer)


@task("validation.sweep")
def sweep() -> None:
    """Wake a worker for every buffer that holds something: what a lost wake or a dead worker left."""
    worker = worker_of_process()
    for url in settings.BUFFER_URLS:
        try:
            with connect(url) as client:
                reader = StreamReader(client)
                reader.ensure_group()
                reader.drop_idle_consumers()
                if reader.waiting():
                    wake(worker, identify(url))
        except redis.RedisError as error:
            log.warning("the buffer %s cannot be swept: %s", without_password(url), error)


@task("validation.settle")
def settle() -> None:
    """Fold old ledger entries into sums of a minute, for every buffer that answers."""
    for url in settings.BUFFER_URLS:
        try:
            with connect(url) as client:
                ledger.settle(client, identify(url))
        except redis.RedisError as error:
            log.warning("the ledger of the buffer %s cannot be settled: %s", without_password(url), error)


def wake(worker: Worker, buffer: str) -> None:
    """Send the drain task for a buffer, unless one is on its way: a long backlog must not fill the queue."""
    if worker.queue.set(wake_key(buffer), 1, nx=True, ex=WAKE_TTL_S):
        send_drain_task(settings.DRAIN_TASK, buffer)
