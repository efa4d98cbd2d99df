"""Follow one reading through its hops."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1.base import VIEW_QUARANTINE, Needs, V1View
from dashboard.api.v1.bodies import query_of
from dashboard.api.v1.books import VIEW_BOOKS
from dashboard.api.v1.payloads import exact
from dashboard.serializers.books import TraceAnswer, TraceQuery
from ingest.buffers import ring_urls
from validation.trace import trace


class TraceReading(V1View):
    """Follow a reading."""

    needs: Needs = {"GET": (*VIEW_BOOKS, *VIEW_QUARANTINE)}  # a reading that was refused shows what quarantine says

    @extend_schema(parameters=[TraceQuery], responses=TraceAnswer, operation_id="trace_reading")
    def get(self, request: Request) -> Response:
        """Follow the reading of a device whose event time is nearest, within a second, through its hops.

        Where several are equally near, `reading` is null and `candidates` has them; when there is none, `advice` says
        where it may be.
        """
        query = query_of(request, TraceQuery)
        found = trace(ring_urls(), query["device"], query["at"], model=query.get("model"), seq=query.get("seq"))
        return Response(exact(asdict(found)))
