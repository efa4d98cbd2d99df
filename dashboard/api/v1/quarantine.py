"""Quarantine: its groups, its records, and throwing away what nobody wants back."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1 import history
from dashboard.api.v1.base import DISCARD, VIEW_QUARANTINE, Needs, V1View, everything
from dashboard.api.v1.bodies import body_of, query_of
from dashboard.api.v1.payloads import exact, shown_payload
from dashboard.api.v1.selections import Discard, checked, is_everything, selection_of, told
from dashboard.serializers.common import listing_of
from dashboard.serializers.quarantine import (
    DEFAULT_BY,
    DISCARD_PUMP,
    Discarded,
    DiscardRequest,
    Group,
    GroupQuery,
    Record,
    RecordsQuery,
)
from validation import quarantine
from validation.models import Quarantined

MAX_PAGE_BYTES = 4 * 1024 * 1024  # of payloads; a page ends early when its records are large


class Groups(V1View):
    """Quarantine by what its records have in common."""

    needs: Needs = {"GET": VIEW_QUARANTINE}

    @extend_schema(parameters=[GroupQuery], responses=listing_of(Group), operation_id="list_quarantine_groups")
    def get(self, request: Request) -> Response:
        """Count the records by model, reason, place, device or topic, with the trend of a day and a sample of each."""
        query = query_of(request, GroupQuery)
        groups = quarantine.groups(selection_of(query), tuple(query.get("by", DEFAULT_BY)), limit=query["limit"])
        return everything([exact(group) for group in groups])


class Records(V1View):
    """The records of quarantine."""

    needs: Needs = {"GET": VIEW_QUARANTINE}

    @extend_schema(parameters=[RecordsQuery], responses=listing_of(Record), operation_id="list_quarantined")
    def get(self, request: Request) -> Response:
        """List records, newest first: the bytes as they came, what they say, and every reason.

        A page ends early when its payloads are large; `next` says where to go on.
        """
        query = query_of(request, RecordsQuery)
        limit = query["limit"]
        rows = quarantine.records(selection_of(query), limit=limit + 1, before=query.get("before"))
        kept = _within(rows[:limit])
        following = kept[-1].pk if len(rows) > len(kept) else None
        return Response({"results": [shown(record) for record in kept], "next": following})


class OneRecord(V1View):
    """A record of quarantine."""

    needs: Needs = {"GET": VIEW_QUARANTINE}

    @extend_schema(responses=Record, operation_id="get_quarantined")
    def get(self, request: Request, number: int) -> Response:
        """Give one record: the bytes as they came, what they say, and every reason."""
        record = Quarantined.objects.select_related("model").filter(pk=number).first()
        if record is None:
            raise NotFound(f"There is no record {number} in quarantine: stored, discarded or never there.", "no_record")
        return Response(shown(record))


class DiscardRecords(V1View):
    """Throw records away."""

    needs: Needs = {"POST": DISCARD}

    @extend_schema(
        request=DiscardRequest, examples=[DISCARD_PUMP], responses=Discarded, operation_id="discard_quarantined"
    )
    def post(self, request: Request) -> Response:
        """Throw the selected records away for good; they are counted. A selection of everything is refused."""
        selection = checked(body_of(request, Discard).selection, at="selection")
        if is_everything(selection):
            raise ValidationError({"selection": ["Say what to discard: this is all of quarantine."]}, "everything")
        # Some at a time, each in a transaction of its own: a large selection must not lock out the workers.
        count = quarantine.discard(selection, by=history.name_of(request))
        history.note_many(request, Quarantined, history.DELETED, f"{count:,} records discarded.", name=told(selection))
        return Response({"discarded": count})


def shown(record: Quarantined) -> dict[str, Any]:
    """Return what the API says of a record."""
    return {
        "id": record.pk,
        "received_at": record.received_at,
        "topic": record.topic,
        "device": record.device,
        "model": record.model.name if record.model else None,
        "version": record.version,
        "reasons": record.reasons,
        "code": record.code,
        "place": record.place,
        **shown_payload(bytes(record.payload)),
    }


def _within(rows: list[Quarantined]) -> list[Quarantined]:
    """Return the first records whose payloads fit a page; one at least, where there is one."""
    total = 0
    for position, record in enumerate(rows):
        total += len(record.payload)
        if position and total > MAX_PAGE_BYTES:
            return rows[:position]
    return rows
