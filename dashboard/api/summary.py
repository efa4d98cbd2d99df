"""What happened: a summary for people, with the facts that it rests on."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import Any

from django.core.cache import cache
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import ApiView
from dashboard.api.v1.base import HasPermissions, Needs
from dashboard.api.v1.bodies import query_of
from dashboard.api.v1.series import VIEW_READINGS
from dashboard.api.zones import zone_of
from dashboard.serializers.insights import SummaryAnswer, SummaryQuery
from insights.facts.gathering import DAY
from insights.language.answering import summarized
from insights.summaries.service import TEMPLATE, summary, told
from validation.history import Unanswerable

FRESH_S = 10  # so long everybody gets the same summary: a hundred open pages must not have it made a hundred times


class AiSummary(ApiView):
    """Tell what happened."""

    needs: Needs = {"GET": VIEW_READINGS}
    permission_classes = (IsAuthenticated, HasPermissions)

    @extend_schema(parameters=[SummaryQuery], responses=SummaryAnswer, operation_id="ai_summary")
    def get(self, request: Request) -> Response:
        """Tell what happened in a window that ends now: of a model, a device, a tag, or the models with most devices.

        Every number in the text is one of the facts, rounded; each fact has the SQL that gives it.
        """
        query = query_of(request, SummaryQuery)
        key = f"summary:{sha256(repr(sorted(query.items())).encode()).hexdigest()}"
        answer = cache.get(key)
        if answer is None:
            answer = _made(query, request.user)
            cache.set(key, answer, FRESH_S)
        return Response(answer)


def _made(query: dict[str, Any], user: Any) -> dict[str, Any]:
    length, engine = query.pop("window", DAY), query.pop("engine", TEMPLATE)
    with zone_of(query.pop("zone", None)):
        return _told(query, user, length, engine)


def _told(query: dict[str, Any], user: Any, length: timedelta, engine: str) -> dict[str, Any]:
    try:
        found = summary(now=timezone.now(), length=length, **query)
    except Unanswerable as error:
        raise ValidationError({error.attr: [str(error)]}, error.code) from error
    text, engine, note = summarized(user, found, found.generated_at) if engine != TEMPLATE else (found.text, engine, "")
    return {
        "summary": text,
        "facts": [told(fact) for fact in found.facts],
        "generated_at": found.generated_at,
        "engine": engine,
    } | ({"note": note} if note else {})
