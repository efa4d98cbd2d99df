"""The page of the workers: who works, whether the queues move, and what is sent regularly by whom."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from redis import RedisError

from dataflow.models import ScheduledJob
from ingest.admin.watched import WatchedAdmin
from validation.vitals import DEAF_S
from validation.workers import START_SCHEDULER, START_WORKER, overview


@admin.register(ScheduledJob)
class WorkersAdmin(WatchedAdmin):
    """Workers, queues and schedulers. A job is a setting; without its slot it would be sent once too often."""

    title, folder = "Workers", "admin/dataflow/scheduledjob"

    def state(self, request: HttpRequest) -> dict[str, Any]:
        """Return the workers and what they have to do; that nothing is known of them while their Redis is away."""
        said = {"deaf_s": round(DEAF_S), "start_worker": START_WORKER, "start_scheduler": START_SCHEDULER}
        try:
            return {**said, "found": overview()}
        except RedisError:
            return {**said, "away": True}
