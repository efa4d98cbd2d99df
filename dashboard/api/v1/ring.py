"""The ring of buffers: how it is, and changes of it while data flows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import msgspec
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Conflict
from dashboard.api.v1 import history
from dashboard.api.v1.base import Needs, V1View
from dashboard.api.v1.bodies import body_of, query_of
from dashboard.serializers.ring import BufferChange, Changed, NewBuffer, Removal, RingListing
from ingest import buffers
from ingest.buffers import Refused
from ingest.models import Buffer
from ingest.ring_state import ring_state
from validation.ring import remove, write_off

VIEW_RING = ("ingest.view_buffer",)
OPERATE = ("ingest.change_buffer",)
ADD = ("ingest.add_buffer",)
REMOVE = ("ingest.delete_buffer",)

Weight = Annotated[int, msgspec.Meta(ge=buffers.LEAST_WEIGHT, le=buffers.MOST_WEIGHT)]


class AddThis(msgspec.Struct):
    """A server for the ring."""

    url: str
    weight: Weight = 1


class ChangeThis(msgspec.Struct):
    """What to change; None is left as it is."""

    state: Literal["active", "draining"] | None = None
    weight: Weight | None = None


class Ring(V1View):
    """The ring."""

    needs: Needs = {"GET": VIEW_RING, "POST": ADD}

    @extend_schema(responses=RingListing, operation_id="list_buffers")
    def get(self, request: Request) -> Response:
        """List the buffers: who takes batches, how full each is, and how old its oldest entry.

        All servers are asked for it, which takes some seconds while one is away.
        """
        found = asdict(ring_state())
        return Response({"results": found.pop("members"), "next": None, **found})

    @extend_schema(request=NewBuffer, responses={201: Changed}, operation_id="add_buffer")
    def post(self, request: Request) -> Response:
        """Take a server into the ring, or back into it. Bridges append to it within two seconds."""
        wanted = body_of(request, AddThis)
        try:
            row = buffers.add(wanted.url, wanted.weight)
        except Refused as error:
            raise Conflict(str(error), "refused") from error
        history.note(request, row, history.ADDED, "taken into the ring.")
        return Response(_changed(row, f"{row} takes batches."), status=201)


class OneBuffer(V1View):
    """A buffer, named by its identity or its number."""

    needs: Needs = {"PATCH": OPERATE, "DELETE": REMOVE}

    @extend_schema(request=BufferChange, responses=Changed, operation_id="change_buffer")
    def patch(self, request: Request, name: str) -> Response:
        """Drain a buffer, resume it, or give it another weight."""
        wanted = body_of(request, ChangeThis)
        row, said = _named(name), []
        try:
            if wanted.weight is not None:
                row = buffers.set_weight(row, wanted.weight)
                said.append(f"has the weight {row.weight}")
            if wanted.state == "draining":
                row = buffers.drain(row)
                said.append("takes no more batches and is drained")
            elif wanted.state == "active":
                row = buffers.resume(row)
                said.append("takes batches")
        except Refused as error:
            raise Conflict(str(error), "refused") from error
        words = " and ".join(said) or "stays as it is"
        if said:
            history.note(request, row, history.CHANGED, f"it {words}.")
        return Response(_changed(row, f"{row} {words}."))

    @extend_schema(parameters=[Removal], responses=Changed, operation_id="remove_buffer")
    def delete(self, request: Request, name: str) -> Response:
        """Let a drained buffer leave the ring once it is empty; with `lost`, write off one whose data is gone."""
        row, lost = _named(name), query_of(request, Removal)["lost"]
        try:
            said = write_off(row).sentence if lost else f"{remove(row)} has left the ring."
        except Refused as error:
            raise Conflict(str(error), "refused") from error
        history.note(request, row, history.CHANGED, said)
        return Response(_changed(row, said))


def _named(name: str) -> Buffer:
    try:
        return buffers.named(name)
    except Refused as error:
        raise NotFound(f"There is no buffer {name}; /api/v1/ring lists them.", "unknown_buffer") from error


def _changed(row: Buffer, said: str) -> dict[str, object]:
    return {"id": row.pk, "identity": row.identity, "state": row.state, "weight": row.weight, "said": said}
