"""What Celery runs: thin doors to the services of this room."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import redis
from celery import shared_task
from django.conf import settings
from django.db import connection

from ingest.ring import connect, identify, without_password
from ingest.wake import send_drain_task, wake_key
from validation import ledger
from validation.drain import Drain
from validation.streams import StreamReader

log = logging.getLogger(__name__)

# Seconds that one task drains before it makes room for another buffer's.
DRAIN_SECONDS = 5.0

_drains: dict[int, Drain] = {}
_urls: dict[str, str] = {}


def drain_of_process() -> Drain:
    """Return this process's drain; a forked worker gets one of its own."""
    process = os.getpid()
    if process not in _drains:
        _drains.clear()
        _drains[process] = Drain()
    return _drains[process]


def url_of(buffer: str) -> str | None:
    """Return the URL of the buffer with this identity, asking the servers when it is not remembered."""
    if buffer not in _urls:
        for url in settings.BUFFER_URLS:
            try:
                _urls[identify(url)] = url
            except redis.RedisError as error:
                log.warning("the buffer %s cannot be asked who it is: %s", without_password(url), error)
    return _urls.get(buffer)


@contextmanager
def fresh_connection_after_failure() -> Iterator[None]:
    """Give the database connection up when something fails: it may be broken, and Celery keeps it for many tasks."""
    try:
        yield
    except Exception:
        connection.close()
        raise


@shared_task(name=settings.DRAIN_TASK)
@fresh_connection_after_failure()
def drain(buffer: str) -> None:
    """Drain one buffer for a while; ask for another turn when there is more."""
    url = url_of(buffer)
    if url is None:
        log.warning("no server of the ring is the buffer %s; the sweep will look again", buffer)
        return
    with redis.Redis.from_url(settings.REDIS_URL) as queue:
        # From here on a new batch wakes another worker: it may come after this one has looked.
        queue.delete(wake_key(buffer))
    with connect(url) as client:
        if drain_of_process().run(StreamReader(client), buffer, DRAIN_SECONDS):
            send_drain_task(settings.DRAIN_TASK, buffer)


@shared_task(name="validation.sweep")
def sweep() -> None:
    """Send a drain to every buffer that holds something: what a lost wake or a dead worker left."""
    for url in settings.BUFFER_URLS:
        try:
            with connect(url) as client:
                reader = StreamReader(client)
                if reader.waiting():
                    send_drain_task(settings.DRAIN_TASK, identify(url))
                reader.ensure_group()
                reader.drop_idle_consumers()
        except redis.RedisError as error:
            log.warning("the buffer %s cannot be swept: %s", without_password(url), error)


@shared_task(name="validation.settle")
@fresh_connection_after_failure()
def settle() -> None:
    """Fold old ledger entries into sums of a minute, for every buffer that answers."""
    for url in settings.BUFFER_URLS:
        try:
            with connect(url) as client:
                ledger.settle(client, identify(url))
        except redis.RedisError as error:
            log.warning("the ledger of the buffer %s cannot be settled: %s", without_password(url), error)
