"""The Celery application. Its settings are Django's that start with CELERY_; tasks live in each room's tasks.py."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun, task_prerun, worker_init
from django.conf import settings

from dataflow.lib.heartbeat import Heartbeat
from validation.vitals import WORKER_QUEUES, WORKERS, Vitals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataflow.settings")

app = Celery("dataflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# Celery closes the database after every task unless told after how many. A drain may take a millisecond, a connection
# five. A task that fails gives its connection up by itself (validation/tasks.py).
app.conf["CELERY_DB_REUSE_MAX"] = 10_000


def show_that_a_worker_works(sender: Any, **event: Any) -> None:
    """Touch a file whenever a task has ended, and show in Redis what the worker does.

    The scheduler gives every worker a task within seconds; a worker that gets none although there are some ends itself.
    """
    name = str(sender.hostname).partition("@")[0]  # as its option -n has it
    heartbeat = Heartbeat(settings.DATA_DIR, name)
    vitals = Vitals(settings.REDIS_URL, WORKERS, str(sender.hostname), queues=WORKER_QUEUES)

    def begins(task: Any, **event: Any) -> None:
        vitals.task_begins(task.name)

    def ends(**event: Any) -> None:
        vitals.task_ends()
        heartbeat.beat()

    task_prerun.connect(begins, weak=False)
    task_postrun.connect(ends, weak=False)
    vitals.start()


worker_init.connect(show_that_a_worker_works)
