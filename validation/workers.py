"""Which workers and schedulers there are, whether queues move, and what is wrong: for a page, the API, a command."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.conf import settings
from django.db import connection

from dataflow.lib import slots
from validation import vitals
from validation.vitals import DEAF_S, SCHEDULERS, STUCK_S, WORKER_QUEUES, WORKERS, Canary, Sign

START_WORKER = "celery -A dataflow worker -P solo -n worker@%h"
START_SCHEDULER = "celery -A dataflow beat -S dataflow.scheduler.SlotScheduler"
GONE = "one that is gone"
LATE = 2.0  # intervals that a job may be overdue
LATE_S = 30.0  # and seconds more


@dataclass(frozen=True, slots=True)
class ProcessState:
    """A worker or scheduler, living or gone since not more than ten minutes.

    `task` is what it does now, for `task_s` seconds; without one, that is how long it has had nothing to do.
    """

    id: str
    name: str
    host: str
    pid: int
    since: datetime
    seen_s: float
    alive: bool
    task: str
    task_s: float
    tasks: int


@dataclass(frozen=True, slots=True)
class QueueState:
    """A queue: tasks that wait in it, how long ago its last canary ran, and how long that had been on its way."""

    name: str
    waiting: int
    canary_s: float | None
    took_s: float | None
    worker: str
    moves: bool


@dataclass(frozen=True, slots=True)
class JobState:
    """Something that is sent every `every_s` seconds; `sent_s` is how long ago it was, `scheduler` by whom."""

    name: str
    every_s: float
    sent_s: float
    sent_at: datetime
    scheduler: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All that is known, and what is wrong in sentences."""

    workers: list[ProcessState]
    queues: list[QueueState]
    schedulers: list[ProcessState]
    jobs: list[JobState]
    problems: list[str] = field(default_factory=list)


def overview() -> Overview:
    """Return who works and what moves. Blocks for a second at most when Redis is away.

    Raises redis.RedisError when that cannot be asked, and Django's database errors.
    """
    with vitals.connect(settings.REDIS_URL) as client:
        moment = vitals.now(client)
        workers = [_process(sign, moment) for sign in vitals.signs(client, WORKERS)]
        schedulers = [_process(sign, moment) for sign in vitals.signs(client, SCHEDULERS)]
        known = vitals.canaries(client)
        queues = [_queue(name, int(client.llen(name)), known.get(name), moment) for name in WORKER_QUEUES]
    names = {scheduler.id: scheduler.name for scheduler in schedulers}
    with connection.cursor() as cursor:
        jobs = [
            JobState(
                job.name, job.every_s, round(job.age_s, 1), job.taken_at, names.get(job.holder, "one that is gone")
            )
            for job in slots.jobs(cursor)
        ]
    return Overview(workers, queues, schedulers, jobs, _problems(workers, queues, schedulers, jobs))


def queues_that_stand() -> list[str]:
    """Return a sentence for each queue that has moved before and does not now. Raises redis.RedisError.

    A queue that nothing is known of is none: nothing has run yet.
    """
    with vitals.connect(settings.REDIS_URL) as client:
        moment = vitals.now(client)
        found = [_queue(name, 0, canary, moment) for name, canary in vitals.canaries(client).items()]
    return [_standing(queue) for queue in found if not queue.moves]


def _process(sign: Sign, moment: float) -> ProcessState:
    return ProcessState(
        id=sign.id,
        name=sign.name,
        host=sign.host,
        pid=sign.pid,
        since=datetime.fromtimestamp(sign.since, UTC),
        seen_s=max(0.0, round(moment - sign.at, 1)),
        alive=vitals.is_alive(sign, moment),
        task=sign.task,
        task_s=sign.task_s,
        tasks=sign.tasks,
    )


def _queue(name: str, waiting: int, canary: Canary | None, moment: float) -> QueueState:
    if canary is None:
        return QueueState(name, waiting, None, None, "", moves=False)
    age = max(0.0, round(moment - canary.at, 1))
    return QueueState(name, waiting, age, canary.took_s, canary.worker, moves=age < STUCK_S)


def _problems(
    workers: list[ProcessState], queues: list[QueueState], schedulers: list[ProcessState], jobs: list[JobState]
) -> list[str]:
    found = []
    if not any(worker.alive for worker in workers):
        found.append(f"No worker runs, so what comes in waits in the buffers. Start one: {START_WORKER}")
    if not any(scheduler.alive for scheduler in schedulers):
        found.append(f"No scheduler runs, so what is due regularly is not done. Start one: {START_SCHEDULER}")
    if not found:
        found += [_standing(queue) for queue in queues if not queue.moves]
    for worker in workers:
        if worker.alive and worker.task_s > DEAF_S:
            doing = f"has been busy with {worker.task}" if worker.task else "has had no task"
            where = f"{worker.name} (process {worker.pid} on {worker.host})"
            found.append(f"The worker {where} {doing} for {worker.task_s:.0f} s. It ends itself when tasks wait.")
    for job in jobs:
        if job.sent_s > LATE * job.every_s + LATE_S:
            found.append(f"{job.name!r} is due every {job.every_s:g} s and was sent {job.sent_s:.0f} s ago.")
    return found


def _standing(queue: QueueState) -> str:
    if queue.canary_s is None:
        return f"Nothing has come through the queue {queue.name} yet."
    return f"The queue {queue.name} has not moved for {queue.canary_s:.0f} s."
