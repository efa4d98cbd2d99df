"""Celery's scheduler, of which any number may run: each job is sent once for each slot of time.

    celery -A dataflow beat -S dataflow.scheduler.SlotScheduler

A job that is due every three seconds has a slot of three seconds, counted by PostgreSQL's clock. Whoever wants to send
it first takes the slot, with a conditional write that only one can win. So there is no leader, and nothing to take
over: when a scheduler dies, stands still or is cut off, the others go on taking the slots. When one wakes up again, the
slots of the past are not to be had any more.

A slot that was taken by a process which died before sending is lost, and the next one comes soon. Jobs are therefore
such as may be left out once.
"""

from __future__ import annotations

import logging
import socket
import time
from datetime import timedelta
from typing import Any

import psycopg
from celery.beat import ScheduleEntry, Scheduler
from celery.schedules import schedule
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from dataflow.lib import slots
from dataflow.lib.heartbeat import Heartbeat
from ingest.postgres import Postgres
from validation.vitals import SCHEDULERS, Vitals

log = logging.getLogger(__name__)

LIMIT_S = 2.0  # for the database to answer
LONGEST_SLEEP_S = 1.0  # between two looks at what is due


class SlotScheduler(Scheduler):  # type: ignore[misc]  # Celery has no types
    """Sends what is due, when the slot is to be had. Knows intervals; waits by a clock that nobody sets."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._due: dict[str, float] = {}
        self._postgres = Postgres("scheduler", LIMIT_S)
        self._failing = False
        self._heartbeat = Heartbeat(settings.DATA_DIR, "scheduler")
        self._vitals = Vitals(settings.REDIS_URL, SCHEDULERS, f"scheduler@{socket.gethostname()}")
        super().__init__(*args, **kwargs)
        if not kwargs.get("lazy"):
            self._vitals.start()

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send what is due and return for how many seconds nothing is."""
        for entry in self.schedule.values():
            begun = time.monotonic()
            if begun >= self._due.get(entry.name, 0.0):
                # After a failure soon again: an hourly job must not wait for an hour.
                pause = every_s(entry) if self._send(entry) else LONGEST_SLEEP_S
                self._due[entry.name] = begun + pause
        next_s = min(self._due.values(), default=0.0) - time.monotonic()
        return max(0.0, min(next_s, LONGEST_SLEEP_S))

    def _send(self, entry: ScheduleEntry) -> bool:
        """Send a job if its slot is to be had; say False when that could not be found out."""
        try:
            taken = take(self._postgres, entry.name, every_s(entry), self._vitals.sign.id)
        except psycopg.Error as error:
            if not self._failing:
                log.warning("nothing is sent, because the database cannot be asked: %s", error)
            self._failing = True
            return False
        self._failing = False
        self._heartbeat.beat()
        self._vitals.task_ends()
        if taken:
            entry.options["headers"] = {"sent": time.time()}
            self.apply_entry(entry, producer=self.producer)  # logs what goes wrong
        return True


def take(postgres: Postgres, name: str, seconds: float, holder: str) -> bool:
    """Take the present slot of a job; say False when somebody has it. Raises psycopg.Error."""
    with postgres.transaction() as cursor:
        return slots.take(cursor, name, seconds, holder)


def every_s(entry: ScheduleEntry) -> float:
    """Return the seconds between two runs of a job; raise ImproperlyConfigured when it has no interval."""
    if type(entry.schedule) is not schedule:
        raise ImproperlyConfigured(f"The job {entry.name!r} has no interval, and a slot is one.")
    run_every: timedelta = entry.schedule.run_every
    return run_every.total_seconds()
