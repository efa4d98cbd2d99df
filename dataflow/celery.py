"""The Celery application. Its settings are Django's that start with CELERY_; tasks live in each room's tasks.py."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataflow.settings")

app = Celery("dataflow")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
# celery-redbeat reads its settings from the application's own, without Celery's namespace (nyaruka/rapidpro#6845).
app.conf.beat_max_loop_interval = 5  # seconds; the sweep is due every few
app.conf.redbeat_lock_timeout = 30  # seconds until another scheduler takes over from a dead one
# Celery closes the database after every task unless told after how many. A drain may take a millisecond, a connection
# five. A task that fails gives its connection up by itself (validation/tasks.py).
app.conf["CELERY_DB_REUSE_MAX"] = 10_000
