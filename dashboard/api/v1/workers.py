"""Workers: who judges and stores, whether the queues move, and what is sent regularly."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from redis import RedisError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Unavailable
from dashboard.api.v1.base import Needs, V1View
from dashboard.serializers.workers import WorkerListing
from validation.workers import overview

VIEW_WORKERS = ("dataflow.view_scheduledjob",)


class Workers(V1View):
    """The workers."""

    needs: Needs = {"GET": VIEW_WORKERS}

    @extend_schema(responses=WorkerListing, operation_id="list_workers")
    def get(self, request: Request) -> Response:
        """List the workers with what each does now, the queues with their canaries, the schedulers and their jobs.

        A queue that has not moved for 40 s, and whatever else is wrong, is named in `problems`.
        """
        try:
            found = asdict(overview())
        except RedisError as error:
            raise Unavailable("The Redis that holds the queue does not answer. Try again soon.") from error
        return Response({"results": found.pop("workers"), "next": None, **found})
