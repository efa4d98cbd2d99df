"""Signs of life: which workers and schedulers there are, what each does now, and whether the queues move.

Each process writes about itself, every two seconds, from a thread of its own (`Vitals`), into the Redis that holds the
queue. That the process is seen does not prove that it works: a worker may live and be deaf, because it waits on a
connection that is dead. So there is also the moment of its last task, and canaries: tasks that the scheduler sends into
each queue, and that only note when they ran. A worker without a task for `DEAF_S`, although there are some, ends
itself, with the stacks of its threads in the log; whoever started it starts it again.

Ages are by the clock of that Redis, so that those of the hosts need not agree.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, TextIO, TypeVar, cast

import msgspec
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from ingest.processes import ThisProcess, is_gone, machine

log = logging.getLogger(__name__)

# Hashes in the Redis of the queue: id of a process -> Sign; name of a queue -> Canary.
WORKERS, SCHEDULERS, CANARIES = "dataflow:workers", "dataflow:schedulers", "dataflow:canaries"
WORKER_QUEUES = ("celery",)  # the queues that workers take tasks from
EVERY_S = 2.0  # between two signs of life
GONE_S = 15.0  # without one, after which a process counts as gone
FORGET_S = 600.0  # after which it is not shown any more
STUCK_S = 40.0  # without a canary, which comes every ten, after which a queue counts as stuck
# Without a task, after which a worker counts as deaf. Each gets a canary every ten seconds, and no task takes long. A
# worker that waits for a database behind a silent link is noticed by this alone, and within a minute.
DEAF_S = 45.0
DEAF_STATUS = 70  # with which a deaf worker ends
TIMEOUT_S = 1.0  # for Redis to answer

Record = TypeVar("Record", bound=msgspec.Struct)


class Sign(msgspec.Struct):
    """What a process says of itself; `at` and `since` in seconds since 1970, by the clock of Redis and its own."""

    id: str
    name: str
    host: str
    pid: int
    machine: str
    born: int
    since: float
    at: float = 0.0
    task: str = ""  # what it does now
    task_s: float = 0.0  # for how long, or for how long it has been without one
    tasks: int = 0  # that it has ended


class Canary(msgspec.Struct):
    """The newest canary of a queue: when it was sent and when it ran, by the clocks of the scheduler and of Redis."""

    queue: str
    sent: float | None
    at: float
    took_s: float | None
    worker: str


def connect(url: str) -> redis.Redis:
    """Return a client of the queue's Redis that waits for a second at most."""
    return redis.Redis.from_url(
        url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )


class Vitals:
    """Shows that this process lives, and ends it when it is deaf. `task_begins` and `task_ends` cost nothing."""

    def __init__(
        self,
        url: str,
        kind: str,
        name: str,
        queues: tuple[str, ...] = (),
        end: Callable[[], None] | None = None,
        deaf_s: float = DEAF_S,
    ) -> None:
        """`kind` is one of the hashes; who has `queues` has to work them off, and `end` is called when it does not."""
        me = ThisProcess(name)
        self.sign = Sign(me.id, name, me.host, me.pid, me.machine, me.born, time.time())
        self._kind, self._queues = kind, queues
        self._end, self._deaf_s = end or end_this_process, deaf_s
        self._redis = connect(url)
        self._moved = time.monotonic()
        self._failing = False

    def start(self) -> None:
        """Show it from now on, until the process ends."""
        threading.Thread(target=self._run, name="vitals", daemon=True).start()

    def task_begins(self, name: str) -> None:
        """Note that a task begins."""
        self.sign.task, self._moved = name, time.monotonic()

    def task_ends(self) -> None:
        """Note that it has ended."""
        self.sign.task, self._moved = "", time.monotonic()
        self.sign.tasks += 1

    def round(self) -> None:
        """Show this process once, and end it when it is deaf. Never raises because of Redis."""
        self.sign.task_s = round(time.monotonic() - self._moved, 1)
        try:
            self.sign.at = now(self._redis)
            self._redis.hset(self._kind, self.sign.id, msgspec.msgpack.encode(self.sign))
            deaf = bool(self._queues) and self.sign.task_s > self._deaf_s and tasks_wait(self._redis, self._queues)
        except (redis.RedisError, OSError) as error:
            self._say(failing=True, error=error)
            return
        self._say(failing=False)
        if deaf:
            doing = self.sign.task or "waiting for a task"
            log.critical("deaf: %s for %.0f s although tasks wait; ends itself", doing, self.sign.task_s)
            self._end()

    def _run(self) -> None:
        while True:
            self.round()
            time.sleep(EVERY_S)

    def _say(self, *, failing: bool, error: Exception | None = None) -> None:
        if failing and not self._failing:
            log.warning("cannot show that this process lives: %s", error)
        elif self._failing and not failing:
            log.info("shows again that it lives")
        self._failing = failing


def end_this_process() -> None:
    """End at once, showing where every thread is: the one that would have to end in order is the one that hangs."""
    try:
        # The real one: Celery has put a logger in its place, which has no file.
        faulthandler.dump_traceback(file=cast(TextIO, sys.__stderr__), all_threads=True)
    finally:
        os._exit(DEAF_STATUS)


def tasks_wait(client: redis.Redis, queues: tuple[str, ...]) -> bool:
    """Tell whether there is something to do: tasks in a queue, or others that get theirs."""
    if any(client.llen(queue) for queue in queues):
        return True
    moment = now(client)
    return any(moment - canary.at < STUCK_S for canary in _all(client, CANARIES, Canary) if canary.queue in queues)


def there_is_work(url: str, queues: tuple[str, ...]) -> bool:
    """Tell the same to who has no client; False when Redis cannot be asked, for then no worker can do anything."""
    try:
        with connect(url) as client:
            return tasks_wait(client, queues)
    except (redis.RedisError, OSError) as error:
        log.debug("the queue cannot be asked: %s", error)
        return False


def note_canary(client: redis.Redis, queue: str, sent: float | None, worker: str) -> None:
    """Note that a canary has come through a queue."""
    took_s = None if sent is None else round(time.time() - sent, 3)
    client.hset(CANARIES, queue, msgspec.msgpack.encode(Canary(queue, sent, now(client), took_s, worker)))


def now(client: redis.Redis) -> float:
    """Return the time by the clock of Redis, in seconds since 1970."""
    answer: Any = client.time()
    return float(answer[0] + answer[1] / 1_000_000)


def signs(client: redis.Redis, kind: str) -> list[Sign]:
    """Return what processes of a kind have said last, the oldest process first; forget those long gone."""
    moment, found = now(client), _all(client, kind, Sign)
    if old := [sign.id for sign in found if moment - sign.at > FORGET_S]:
        client.hdel(kind, *old)
    return sorted((sign for sign in found if sign.id not in old), key=lambda sign: (sign.since, sign.id))


def canaries(client: redis.Redis) -> dict[str, Canary]:
    """Return the newest canary of each queue."""
    return {canary.queue: canary for canary in _all(client, CANARIES, Canary)}


def is_alive(sign: Sign, moment: float) -> bool:
    """Tell whether a process lives, by all that can be known."""
    if sign.machine and sign.machine == machine() and is_gone(sign.pid, sign.born):
        return False
    return moment - sign.at < GONE_S


def _all(client: redis.Redis, key: str, kind: type[Record]) -> list[Record]:
    answer: Any = client.hvals(key)
    found = []
    for packed in answer:
        try:
            found.append(msgspec.msgpack.decode(packed, type=kind))
        except msgspec.DecodeError:  # written by another version of the platform
            log.debug("%s holds something that is no %s", key, kind.__name__)
    return found
