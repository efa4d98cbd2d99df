"""Charts of history: series on one time axis, and what there is to choose from."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.times import span
from dashboard.api.v1.base import Needs, V1View
from dashboard.api.v1.bodies import query_of
from dashboard.serializers.series import OptionsQuery, SeriesAnswer, SeriesOptions, SeriesQuery
from insights import access
from validation.history import Answer, HistoryQuery, Line, Unanswerable, answer
from validation.history.options import options

VIEW_READINGS = access.VIEW_READINGS
DEFAULT_SPAN = timedelta(hours=1)


class Series(V1View):
    """History for a chart."""

    needs: Needs = {"GET": VIEW_READINGS}

    @extend_schema(parameters=[SeriesQuery], responses=SeriesAnswer, operation_id="get_series")
    def get(self, request: Request) -> Response:
        """Give fields of devices over time, of several models too, as readings or in buckets, with gaps as gaps.

        `source` and `resolution` say what a point stands for. A long span comes from rollups, so it takes no longer
        than a short one.
        """
        found = answered(asked(request))
        return Response(told(found) | {"query": {"api": request.get_full_path(), "sql": found.sql}})


class SeriesChoices(V1View):
    """What series can be made of."""

    needs: Needs = {"GET": VIEW_READINGS}

    @extend_schema(parameters=[OptionsQuery], responses=SeriesOptions, operation_id="get_series_options")
    def get(self, request: Request) -> Response:
        """List models with their fields, devices with their tags, and tags; devices and tags by part of a name."""
        query = query_of(request, OptionsQuery)
        return Response(options(query.get("q", ""), query.get("model"), query["tag"], query["limit"]))


def asked(request: Request) -> HistoryQuery:
    """Return the question in the address of a request; raise ValidationError for what is wrong in it."""
    return question_of(query_of(request, SeriesQuery))


def question_of(query: dict[str, Any]) -> HistoryQuery:
    """Return checked parameters as a question; raise ValidationError when start, end and duration do not fit."""
    times = query.pop("start", None), query.pop("end", None), query.pop("duration", None)
    try:
        start, end = span(timezone.now(), *times, DEFAULT_SPAN)
    except ValueError as error:
        raise ValidationError({"start": [str(error)]}, "span") from error
    names = {name: tuple(dict.fromkeys(query.pop(name))) for name in ("field", "device", "tag")}
    return HistoryQuery(
        fields=names["field"], devices=names["device"], tags=names["tag"], start=start, end=end, **query
    )


def answered(query: HistoryQuery) -> Answer:
    """Answer a question; raise ValidationError naming the parameter when it has no answer."""
    try:
        return answer(query, timezone.now())
    except Unanswerable as error:
        raise ValidationError({error.attr: [str(error)]}, error.code) from error


def told(found: Answer) -> dict[str, Any]:
    """Return what the API says of an answer, without how to ask again."""
    return {
        "start": found.start,
        "end": found.end,
        "source": found.source,
        "resolution": found.resolution,
        "bucket_s": found.bucket_s,
        "recomputing": found.recomputing,
        "rows": found.rows,
        "series": [_series(line) for line in found.series],
    }


def _series(line: Line) -> dict[str, Any]:
    return {
        "model": line.model,
        "field": line.field.name,
        "label": line.field.label or line.field.name,
        "unit": line.field.unit,
        "kind": line.field.kind,
        "device": line.device,
        "tag": line.tag,
        "function": line.function,
        "shift_s": line.shift_s,
        "points": line.points,
    }
