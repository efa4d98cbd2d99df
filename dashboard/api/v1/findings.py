"""Findings: what was noticed to be odd, and what people say of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1.base import Needs, V1View, page
from dashboard.api.v1.bodies import body_of, query_of
from dashboard.api.v1.series import VIEW_READINGS
from dashboard.api.zones import zone_of
from dashboard.serializers.common import listing_of
from dashboard.serializers.findings import FeedbackAnswer, FeedbackBody, FindingQuery, FindingRow, WatchState
from insights.facts.findings import field_of, sentence_of
from insights.models import Finding, SeriesState, WatchCount
from insights.watching.feedback import say
from insights.zones import here
from validation.selectors import model_specs
from validation.spec import ModelSpec

VIEW_FINDINGS = (*VIEW_READINGS, "insights.view_finding")
SAY = ("insights.view_finding", "insights.add_feedback")
QUIET = timedelta(seconds=60)  # without a word of the watcher, after which it counts as not running


class SayThis(msgspec.Struct):
    """What somebody says of a finding; None takes it back."""

    verdict: Literal["real", "not_real", "expected"] | None


class Findings(V1View):
    """List findings."""

    needs: Needs = {"GET": VIEW_FINDINGS}

    @extend_schema(parameters=[FindingQuery], responses=listing_of(FindingRow), operation_id="list_findings")
    def get(self, request: Request) -> Response:
        """List what was noticed to be odd, what was found last first."""
        query = query_of(request, FindingQuery)
        limit = query["limit"]
        rows = _chosen(query).select_related("device", "model", "feedback").order_by("-id")[: limit + 1]
        with zone_of(query.get("zone")):
            specs, zone = model_specs(), ZoneInfo(here())
        return page(list(rows), limit, lambda row: row.pk, lambda row: shown(row, specs.get(row.model.name), zone))


class FindingFeedback(V1View):
    """What people say of a finding."""

    needs: Needs = {"POST": SAY}

    @extend_schema(request=FeedbackBody, responses=FeedbackAnswer, operation_id="say_of_finding")
    def post(self, request: Request, number: int) -> Response:
        """Say whether a finding was real, not real, or real and expected; it replaces what was said before.

        It changes how soon anything is told of this device and field.
        """
        wanted = body_of(request, SayThis)
        finding = Finding.objects.filter(pk=number).first()
        if finding is None:
            raise NotFound(f"There is no finding {number}; /api/v1/findings lists them.", "unknown_finding")
        sensitivity = say(finding, wanted.verdict, request.user.pk)
        return Response({"id": number, "feedback": wanted.verdict, "sensitivity": sensitivity})


class Watching(V1View):
    """How far the watcher is."""

    needs: Needs = {"GET": VIEW_FINDINGS}

    @extend_schema(responses=WatchState, operation_id="get_watch")
    def get(self, request: Request) -> Response:
        """Say how far the watcher is, what it has done, and how many devices it still learns."""
        count = WatchCount.objects.first()
        is_learning = Q(learning_until__isnull=False)
        known = SeriesState.objects.aggregate(
            devices=Count("id"), learning=Count("id", filter=is_learning), learning_until=Min("learning_until")
        )
        done = count or WatchCount()
        names = ("behind_s", "readings", "values", "findings", "skipped", "suppressed")
        return Response(
            {
                "at": count.at if count else None,
                "running": count is not None and timezone.now() - count.at < QUIET,
                **known,
                **{name: getattr(done, name) for name in names},
            }
        )


def _chosen(query: dict[str, Any]) -> QuerySet[Finding]:
    names = {"model": "model__name", "device": "device__name", "field": "field", "kind": "kind"}
    rows = Finding.objects.filter(**{names[name]: query[name] for name in names if name in query})
    if "since" in query:
        rows = rows.filter(Q(end__gte=query["since"]) | Q(open=True))
    if "until" in query:
        rows = rows.filter(start__lt=query["until"])
    if "open" in query:
        rows = rows.filter(open=query["open"] == "true")
    return rows.filter(pk__lt=query["before"]) if "before" in query else rows


def shown(row: Finding, spec: ModelSpec | None, zone: ZoneInfo) -> dict[str, Any]:
    """Return a finding as the API has it."""
    field = field_of(row, spec)
    own = ("id", "field", "by", "kind", "start", "end", "at", "value", "low", "high", "hourly", "score", "readings")
    return {
        **{name: getattr(row, name) for name in own},
        "open": row.open,
        "model": row.model.name,
        "device": row.device.name,
        "label": (field.label or field.name) if field else row.field,
        "unit": field.unit if field else "",
        "sentence": sentence_of(row, spec, zone),
        "feedback": row.feedback.verdict if hasattr(row, "feedback") else None,
    }
