"""The Celery application. Its settings are Django's that start with CELERY_; tasks live in each room's tasks.py."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import after_task_publish, beat_init, task_postrun, worker_init
from django.conf import settings

from dataflow.lib.heartbeat import Heartbeat

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataflow.settings")

app = Celery("dataflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# celery-redbeat reads its settings from the application's own, without Celery's namespace (nyaruka/rapidpro#6845).
# A function, because whoever imports this package must not thereby load the settings: `manage.py up` and the tests
# start services first.
app.add_defaults(lambda: {"redbeat_redis_url": settings.REDIS_URL})
app.conf.redbeat_redis_options = {"socket_timeout": 10, "socket_connect_timeout": 5}
app.conf.beat_max_loop_interval = 5  # seconds; the sweep is due every few
app.conf.redbeat_lock_timeout = 30  # seconds until another scheduler takes over from a dead one
# Celery closes the database after every task unless told after how many. A drain may take a millisecond, a connection
# five. A task that fails gives its connection up by itself (validation/tasks.py).
app.conf["CELERY_DB_REUSE_MAX"] = 10_000


def show_that_a_worker_works(**event: Any) -> None:
    """Touch a file whenever a task has ended. The scheduler gives every worker one within seconds."""
    heartbeat = Heartbeat(settings.DATA_DIR, "worker")
    task_postrun.connect(lambda **event: heartbeat.beat(), weak=False)


def show_that_the_scheduler_sends(**event: Any) -> None:
    """Touch a file whenever the scheduler has sent a task."""
    heartbeat = Heartbeat(settings.DATA_DIR, "scheduler")
    after_task_publish.connect(lambda **event: heartbeat.beat(), weak=False)


worker_init.connect(show_that_a_worker_works)
beat_init.connect(show_that_the_scheduler_sends)
