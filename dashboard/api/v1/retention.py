"""Retention: what is kept of each model, and what goes next."""

from __future__ import annotations

from dataclasses import asdict

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1.base import VIEW_MODELS, Needs, V1View, everything
from dashboard.serializers.retention import KeptListing
from validation.retention.outlook import outlook


class Retention(V1View):
    """What is kept."""

    needs: Needs = {"GET": VIEW_MODELS}

    @extend_schema(responses=KeptListing, operation_id="list_retention")
    def get(self, request: Request) -> Response:
        """List for each model and level what is kept and how large it is, what goes next, when, and what that frees.

        For how long something is kept is a setting of the model: `retention_days`, `rollup_1m_days`, `rollup_1h_days`,
        `rollup_1d_days`.
        """
        return everything([{**asdict(model), "bytes": model.bytes} for model in outlook()])
