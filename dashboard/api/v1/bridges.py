"""Bridges: who takes in what devices send, and who holds which session at the broker."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1.base import Needs, V1View
from dashboard.serializers.bridges import BridgeListing
from ingest.bridges import overview

VIEW_BRIDGES = ("ingest.view_bridgeprocess",)


class Bridges(V1View):
    """The bridges."""

    needs: Needs = {"GET": VIEW_BRIDGES}

    @extend_schema(responses=BridgeListing, operation_id="list_bridges")
    def get(self, request: Request) -> Response:
        """List the bridges with what each holds since when, the slots that nobody holds, and who leads.

        A slot may be without a bridge for 15 s while it changes hands, and the lead for 10 s; what lasts longer is
        named in `problems`, with what to do.
        """
        found = asdict(overview())
        return Response({"results": found.pop("bridges"), "next": None, **found})
