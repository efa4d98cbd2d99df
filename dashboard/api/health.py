"""Whether this process lives, and whether it can do its work."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import ApiView
from dashboard.readiness import OK, attention, readiness
from dashboard.serializers import Health, Readiness


class Healthz(ApiView):
    """Say that the process lives."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses=Health, auth=[], operation_id="healthz")
    def get(self, request: Request) -> Response:
        """Say that the process lives. Asks nothing else, so that a broken database restarts no site."""
        return Response({"status": "ok"})


class Readyz(ApiView):
    """Say whether requests can be served."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(responses={200: Readiness, 503: Readiness}, auth=[], operation_id="readyz")
    def get(self, request: Request) -> Response:
        """Say whether everything that requests need can be reached, part by part; 503 when something cannot.

        `attention` names what is wrong elsewhere, such as a queue that has not moved for 40 s; it changes no status.
        """
        parts = readiness()
        ready = all(answer == OK for answer in parts.values())
        return Response({"ready": ready, "parts": parts, "attention": attention()}, status=200 if ready else 503)
