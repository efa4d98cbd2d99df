"""Imports: files of readings, which become messages as if their devices had sent them now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Conflict
from dashboard.api.v1 import history
from dashboard.api.v1.base import REPLAY, VIEW_REPLAYS, Needs, V1View, page
from dashboard.api.v1.bodies import body_of, query_of
from dashboard.api.v1.exports import AsAsked
from dashboard.api.v1.payloads import exact
from dashboard.api.v1.requests import Nothing
from dashboard.serializers.common import listing_of
from dashboard.serializers.imports import ImportQuery, ImportRun
from dashboard.serializers.runs import RunPage
from validation import imports
from validation.imports import Refused
from validation.models import Import

CHUNK = 1024 * 1024  # bytes of a body that are read at once
GONE = "Its file is not kept any more (or is on the server, where `manage.py import --resume` goes on)."


class FileBody(BaseParser):
    """Give a body of any kind as its chunks, however large it is."""

    media_type = "*/*"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the chunks."""
        return iter(lambda: stream.read(CHUNK), b"")


class Imports(V1View):
    """List and start imports."""

    needs: Needs = {"GET": VIEW_REPLAYS, "POST": REPLAY}
    parser_classes = (FileBody,)
    content_negotiation_class = AsAsked

    @extend_schema(parameters=[RunPage], responses=listing_of(ImportRun), operation_id="list_imports")
    def get(self, request: Request) -> Response:
        """List the imports, newest first."""
        query = query_of(request, RunPage)
        rows = Import.objects.order_by("-id")
        if "before" in query:
            rows = rows.filter(pk__lt=query["before"])
        limit = query["limit"]
        return page(list(rows[: limit + 1]), limit, lambda row: row.pk, shown)

    @extend_schema(
        parameters=[ImportQuery],
        request={"application/octet-stream": OpenApiTypes.BINARY, "text/csv": OpenApiTypes.STR},
        responses={202: ImportRun},
        operation_id="start_import",
    )
    def post(self, request: Request) -> Response:
        """Import the file in the body: CSV, Parquet or line protocol, up to 2 GiB.

        Its rows go through validation and the ledger with their own times, and what is stored already is not stored
        twice. The work goes on in the background: ask for the import to see how far it is.
        """
        wanted = query_of(request, ImportQuery)
        chunks: Any = request.data  # without a body, DRF gives an empty dictionary, which has no chunks either
        try:
            run = imports.upload(
                chunks,
                model=wanted["model"],
                name=wanted["name"],
                form=wanted.get("format", ""),
                said={
                    "mapping": _mapping(wanted["mapping"]),
                    "device": wanted["device"],
                    "unit": wanted.get("unit", ""),
                    "measurement": wanted["measurement"],
                },
                dry_run=wanted["dry_run"],
                by=history.name_of(request),
            )
        except Refused as error:
            raise ValidationError([str(error)], "refused") from error
        kind = "dry run" if run.dry_run else "import"
        history.note(request, run, history.ADDED, f"{kind} of {run.name} into {run.model} started.")
        return Response(shown(run), status=202)


class OneImport(V1View):
    """An import."""

    needs: Needs = {"GET": VIEW_REPLAYS}

    @extend_schema(responses=ImportRun, operation_id="get_import")
    def get(self, request: Request, number: int) -> Response:
        """Give an import: how far it is, what became of its rows, and what did not pass, by reason."""
        return Response(shown(import_of(number)))


class StopImport(V1View):
    """Stop an import."""

    needs: Needs = {"POST": REPLAY}

    @extend_schema(request=None, responses=ImportRun, operation_id="stop_import")
    def post(self, request: Request, number: int) -> Response:
        """Stop an import. What it has sent is stored; it can be resumed."""
        body_of(request, Nothing)
        run = import_of(number)
        if run.state != Import.State.RUNNING:
            raise Conflict(f"The import {number} is not running: it is {run.state}.", "not_running")
        imports.stop(run.pk)
        history.note(request, run, history.CHANGED, "stopped.")
        return Response(shown(import_of(number)))


class ResumeImport(V1View):
    """Resume an import."""

    needs: Needs = {"POST": REPLAY}

    @extend_schema(request=None, responses={202: ImportRun}, operation_id="resume_import")
    def post(self, request: Request, number: int) -> Response:
        """Go on with an import that was stopped or that failed, from where it was."""
        body_of(request, Nothing)
        run = import_of(number)
        if not imports.resume(run.pk):
            raise Conflict(f"The import {number} is {run.state}, and cannot go on. {GONE}", "not_resumable")
        history.note(request, run, history.CHANGED, "resumed.")
        return Response(shown(import_of(number)), status=202)


class ImportForReal(V1View):
    """Import what a dry run has read."""

    needs: Needs = {"POST": REPLAY}

    @extend_schema(request=None, responses={202: ImportRun}, operation_id="import_for_real")
    def post(self, request: Request, number: int) -> Response:
        """Import the file that a dry run has judged, without sending it again; the answer is a new import."""
        body_of(request, Nothing)
        dry = import_of(number)
        run = imports.for_real(dry, history.name_of(request)) if dry.dry_run else None
        if run is None:
            raise Conflict(f"The import {number} is no dry run whose file is kept.", "no_dry_run")
        history.note(request, run, history.ADDED, f"import of {run.name} into {run.model} started.")
        return Response(shown(run), status=202)


def import_of(number: int) -> Import:
    """Return an import; raise NotFound."""
    found = Import.objects.filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no import {number}; /api/v1/imports lists them.", "unknown_import")
    return found


def _mapping(pairs: list[str]) -> dict[str, str]:
    mapping = {}
    for pair in pairs:
        target, equals, column = pair.partition("=")
        if not (target and equals and column):
            raise ValidationError(
                {"mapping": [f"Expected target=column, such as ts=time, and not {pair!r}."]}, "mapping"
            )
        mapping[target] = column
    return mapping


def shown(run: Import) -> dict[str, Any]:
    """Return what the API says of an import."""
    names = (
        "model", "name", "state", "dry_run", "created_at", "created_by", "updated_at", "finished_at", "size", "unread",
        "sent", "stored", "duplicate", "quarantined", "skipped", "error",
    )  # fmt: skip
    return {
        "id": run.pk,
        "format": run.form,
        **{name: getattr(run, name) for name in names},
        "done_bytes": run.position.get("offset", 0),
        "in_flight": run.in_flight,
        "outcome": exact(run.outcome),
    }
