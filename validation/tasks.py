"""What Celery runs: thin doors to the services of this room."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar, cast

import redis
from celery import current_app, current_task, shared_task
from django.conf import settings
from django.db import connection

from ingest.buffers import ring_urls
from ingest.ring import STREAM, connect, identify, identity_of, without_password
from ingest.wake import WAKE_TTL_S, send_drain_task, wake_key
from validation import bookkeeping, imports, quarantine, replay, upkeep, vitals
from validation.attempts import Notes
from validation.backlog import is_behind
from validation.drain import Drain
from validation.imports import Importer
from validation.pace import Pace
from validation.retention import removing
from validation.ring import look_after
from validation.rollups.running import Roller
from validation.settling import settle as settle_buffer
from validation.settling import settle_removed
from validation.streams import StreamReader

log = logging.getLogger(__name__)

# Seconds that one task drains before it makes room for another buffer's.
DRAIN_SECONDS = 5.0
# Seconds of a replay's turn. Between two of them the worker looks at what came in: the next turn queues up behind that.
REPLAY_SECONDS = 0.5
# Seconds until a replay asks again whether live ingest has caught up.
REPLAY_WAITS_S = 0.05
# Seconds of an import's turn, and until its next one: what it has sent is to be stored in between.
IMPORT_SECONDS, IMPORT_WAITS_S = 0.5, 0.05
UPKEEP_TASK = "validation.upkeep"
BREATHE_TASK, BREATHE_EXPIRES_S = "validation.breathe", 60
UPKEEP_SECONDS, UPKEEP_REST_S = 1.0, 1.0
# Seconds of a turn of the rollups, as of a replay's, and for how long the next one may wait for a worker.
ROLL_UP_TASK, ROLL_UP_SECONDS, ROLL_UP_TTL_S = "validation.roll_up", 0.5, 30
ROLL_UP_KEY = "dataflow:rollups:turn"

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


class Worker:
    """What a worker process keeps between tasks: the drain with its caches, and a connection to each server."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self.drain = Drain()
        self.roller = Roller()
        self.importer = Importer()
        self.queue = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=5)
        self._clients: dict[str, redis.Redis] = {}  # by address
        self._urls: dict[str, str] = {}  # by identity
        self._pace = Pace()
        self._began = self._next_turn = 0.0

    def wait_for_turn(self) -> None:
        """Wait until it is worth draining again. Blocks for LONGEST_REST_S at most."""
        time.sleep(max(0.0, self._next_turn - time.monotonic()))

    def take_turn(self, client: redis.Redis, buffer: str) -> bool:
        """Drain a buffer for a while; say whether there is more."""
        since, self._began = self._began, time.monotonic()
        more = self.drain.run(StreamReader(client), buffer, DRAIN_SECONDS)
        if not more:
            rest_s = self._pace.rest_s(self.drain.messages, self.drain.rows, self._began - since)
            self._next_turn = self._began + rest_s
        return more

    def client(self, buffer: str) -> redis.Redis | None:
        """Return a client of the buffer with this identity, asking all servers when it is not where it was."""
        known = self._urls.pop(buffer, None)
        for url in [known] if known and self._is_at(known, buffer) else ring_urls():
            if url == known or self._is_at(url, buffer):
                self._urls[buffer] = url
                return self._clients[url]
        return None

    def _is_at(self, url: str, buffer: str) -> bool:
        """Ask who a server is: it may have been wiped, and what it takes then belongs to another identity."""
        if url not in self._clients:
            self._clients[url] = connect(url)
        try:
            return identity_of(self._clients[url]) == buffer
        except redis.RedisError as error:
            log.warning("the buffer %s cannot be asked who it is: %s", without_password(url), error)
            return False


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
    worker.wait_for_turn()
    # From here on a new batch wakes another worker: it may come after this one has looked.
    worker.queue.delete(wake_key(buffer))
    if client is None:
        log.warning("no server of the ring is the buffer %s; the sweep will look again", buffer)
    elif worker.take_turn(client, buffer):
        wake(worker, buffer)


@task("validation.sweep")
def sweep() -> None:
    """Wake a worker for what a lost wake or a dead worker left: buffers that hold something, replays that stand."""
    worker = worker_of_process()
    look_after()
    for url in ring_urls():
        try:
            with connect(url) as client:
                reader = StreamReader(client)
                reader.ensure_group()
                reader.drop_idle_consumers()
                Notes(client).tidy(STREAM)
                if reader.waiting():
                    wake(worker, identify(url))
        except redis.RedisError as error:
            log.warning("the buffer %s cannot be swept: %s", without_password(url), error)
    for replay_id in replay.abandoned():
        replay.TURNS.wake(replay_id)
    for import_id in imports.abandoned():
        imports.TURNS.wake(import_id)


@task("validation.canary")
def canary(queue: str) -> None:
    """Note that a queue moves, and send as many empty tasks into it as there are other workers.

    So each worker gets one, as Redis serves first who has waited longest, and one that gets none is deaf.
    """
    client = worker_of_process().queue
    request = current_task.request
    vitals.note_canary(client, queue, getattr(request, "sent", None), str(getattr(request, "hostname", "") or ""))
    moment = vitals.now(client)
    living = sum(vitals.is_alive(sign, moment) for sign in vitals.signs(client, vitals.WORKERS))
    for _ in range(living - 1):
        current_app.send_task(BREATHE_TASK, queue=queue, expires=BREATHE_EXPIRES_S, retry=False, ignore_result=True)


@task(BREATHE_TASK)
def breathe() -> None:
    """Do nothing: that a worker does it shows that it hears."""


@task(replay.TASK)
def run_replay(replay_id: int) -> None:
    """Take a replay further for a moment; ask for another turn when there is more."""
    worker = worker_of_process()
    worker.queue.delete(replay.TURNS.key(replay_id))
    if replay.advance(replay_id, REPLAY_SECONDS, worker.drain.writer):
        replay.TURNS.wake(replay_id, REPLAY_WAITS_S if is_behind() else 0)


@task(imports.TASK)
def run_import(import_id: int) -> None:
    """Take an import further for a moment; ask for another turn when there is more."""
    worker = worker_of_process()
    worker.queue.delete(imports.TURNS.key(import_id))
    if worker.importer.advance(import_id, IMPORT_SECONDS):
        imports.TURNS.wake(import_id, IMPORT_WAITS_S)


@task("validation.tidy")
def tidy() -> None:
    """Keep quarantine within its bounds, and uploads no longer than they are wanted."""
    quarantine.enforce_limits()
    imports.tidy()


@task("validation.check_books")
def check_books() -> None:
    """Look at the books, and raise an alarm when they do not balance."""
    bookkeeping.check(ring_urls())


@task(UPKEEP_TASK)
def look_after_tables() -> None:
    """Make coming days, remove those that models no longer keep, finish columns that became numbers.

    Comes again while some of the last is left.
    """
    upkeep.make_ahead()
    removing.expire()
    if upkeep.finish_widening(UPKEEP_SECONDS):
        current_app.send_task(UPKEEP_TASK, countdown=UPKEEP_REST_S)


@task(ROLL_UP_TASK)
def roll_up() -> None:
    """Compute the rollups that are due for a moment; ask for another turn when there is more."""
    worker = worker_of_process()
    worker.queue.delete(ROLL_UP_KEY)
    # One such turn at a time is on its way, however often the scheduler asks: drains queue up behind it.
    if worker.roller.run(ROLL_UP_SECONDS) and worker.queue.set(ROLL_UP_KEY, 1, nx=True, ex=ROLL_UP_TTL_S):
        current_app.send_task(ROLL_UP_TASK, expires=ROLL_UP_TTL_S)


@task("validation.settle")
def settle() -> None:
    """Fold old ledger entries into sums of a minute, for every buffer that answers."""
    for url in ring_urls():
        try:
            with connect(url) as client:
                settle_buffer(client, identify(url))
        except redis.RedisError as error:
            log.warning("the ledger of the buffer %s cannot be settled: %s", without_password(url), error)
    settle_removed()


def wake(worker: Worker, buffer: str) -> None:
    """Send the drain task for a buffer, unless one is on its way: a long backlog must not fill the queue."""
    if worker.queue.set(wake_key(buffer), 1, nx=True, ex=WAKE_TTL_S):
        send_drain_task(settings.DRAIN_TASK, buffer)
