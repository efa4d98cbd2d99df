"""Exports: stored readings, or what a chart shows, as a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Unavailable
from dashboard.api.streaming import Streamed, download
from dashboard.api.times import span
from dashboard.api.v1.base import Needs, V1View
from dashboard.api.v1.bodies import query_of
from dashboard.api.v1.series import VIEW_READINGS, answered, question_of
from dashboard.serializers.exports import AnyExport, ExportSize, RowsExport, SeriesExport
from validation import exports
from validation.exports import RowsQuery, RowStream
from validation.history import Answer

MEDIA = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
FILE = {(200, "text/csv"): OpenApiTypes.STR, (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY}


class AsAsked(DefaultContentNegotiation):
    """Leave `format` in the address to the route: it names a kind of file, and errors are JSON whatever it is."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the route's first renderer, whatever the client would like better."""
        chosen: BaseRenderer = next(iter(renderers))
        return chosen, chosen.media_type


class Export(V1View):
    """Export readings."""

    needs: Needs = {"GET": VIEW_READINGS}
    content_negotiation_class = AsAsked

    @extend_schema(parameters=[AnyExport], responses=FILE, operation_id="export")
    def get(self, request: Request) -> HttpResponse | StreamingHttpResponse:
        """Give stored readings of a model, by time, device and sequence, or what a chart shows, as CSV or Parquet.

        Readings are read while they are sent, however many there are. When something fails in between, the connection
        is cut: an answer that ends as HTTP says is whole.
        """
        if is_series(request):
            return _series(request)
        wanted = query_of(request, RowsExport)
        query, form = rows_query_of(wanted), wanted["format"]
        if request.method == "HEAD":
            return HttpResponse(content_type=MEDIA[form])
        with told():
            stream = RowStream(query, guarded=form == "csv")
            blocks = stream.blocks() if form == "csv" else exports.to_parquet(query, stream.blocks())
            return download(Streamed(blocks, stream.close), MEDIA[form], _named(query.spec.name, form))


class ExportSizes(V1View):
    """Say how large an export will be."""

    needs: Needs = {"GET": VIEW_READINGS}
    content_negotiation_class = AsAsked

    @extend_schema(parameters=[AnyExport], responses=ExportSize, operation_id="export_size")
    def get(self, request: Request) -> Response:
        """Say how many rows and about how many bytes an export will have, from the same parameters."""
        if is_series(request):
            found, form = _asked_series(request)
            rows = sum(len(line.points) for line in found.series)
            return Response({"rows": rows, "bytes": len(_file_of(found, form)), "estimated": False})
        wanted = query_of(request, RowsExport)
        with told():
            size = exports.size(rows_query_of(wanted), wanted["format"])
        return Response(size._asdict())


def is_series(request: Request) -> bool:
    """Tell whether an export is of what a chart shows."""
    return request.query_params.get("what") == "series"


def _series(request: Request) -> HttpResponse:
    found, form = _asked_series(request)
    answer = HttpResponse(_file_of(found, form), content_type=MEDIA[form])
    answer["Content-Disposition"] = f'attachment; filename="{_named("series", form)}"'
    return answer


def _asked_series(request: Request) -> tuple[Answer, str]:
    """Return the answer to what an address asks for, and the kind of file."""
    wanted = query_of(request, SeriesExport)
    del wanted["what"]
    form: str = wanted.pop("format")
    return answered(question_of(wanted)), form


def _file_of(found: Answer, form: str) -> bytes:
    return exports.series_as_csv(found) if form == "csv" else exports.series_as_parquet(found)


def _named(what: str, form: str) -> str:
    return f"{what}_{timezone.now():%Y%m%dT%H%M%SZ}.{form}"


@contextmanager
def told() -> Iterator[None]:
    """Have what an export's own connection raises told as what Django's raises is."""
    try:
        yield
    except psycopg.OperationalError as error:
        raise Unavailable("The database does not answer. Try again soon.") from error


def rows_query_of(wanted: dict[str, Any]) -> RowsQuery:
    """Return the query for what an address asks for; raise ValidationError naming what is wrong."""
    model, fields = _model_and_fields(wanted.get("model"), wanted["field"])
    start, end = _span(wanted)
    try:
        return exports.rows_query(model, fields, wanted["device"], start, end, wanted["tag"])
    except exports.Unknown as error:
        raise ValidationError({error.attr: [error.detail]}, f"unknown_{error.attr}") from error


def _model_and_fields(model: str | None, fields: list[str]) -> tuple[str, list[str]]:
    """Return the one model that is meant, and the names of its fields."""
    models, names = {model} if model else set(), []
    for field in fields:
        owner, dot, name = field.rpartition(".")
        names.append(name)
        if dot:
            models.add(owner)
    if not models:
        raise ValidationError({"model": ["Name a model, here or in field=vehicle.speed."]}, "required")
    if len(models) > 1:
        there_are = ", ".join(sorted(models))
        raise ValidationError({"field": [f"Rows are those of one model, and these are of {there_are}."]}, "models")
    return models.pop(), names


def _span(wanted: dict[str, Any]) -> tuple[datetime | None, datetime | None]:
    """Return the bounds that were asked for; without a duration each may be open."""
    start, end, duration = wanted.get("start"), wanted.get("end"), wanted.get("duration")
    if duration is None:
        if start and end and start > end:
            raise ValidationError({"start": ["The start is after the end."]}, "span")
        return start, end
    try:
        return span(timezone.now(), start, end, duration, duration)
    except ValueError as error:
        raise ValidationError({"start": [str(error)]}, "span") from error
