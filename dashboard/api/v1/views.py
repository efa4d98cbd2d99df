"""Saved views of the explorer: one's own, and what others share."""

from __future__ import annotations

from typing import Annotated, Any, cast
from urllib.parse import parse_qsl

import msgspec
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Conflict
from dashboard.api.v1.base import Needs, V1View, everything
from dashboard.api.v1.bodies import body_of
from dashboard.models import MAX_NAME, MAX_QUERY, SavedView
from dashboard.serializers.common import listing_of
from dashboard.serializers.views import NewView, ViewChange, ViewRow

VIEW_VIEWS = ("dashboard.view_savedview",)
SAVE_VIEWS = ("dashboard.add_savedview",)
MOST = 200  # views of one owner: a menu that is longer helps nobody

# What the explorer has in its address; static/dashboard/explore/state.js reads it.
KNOWN = frozenset(
    (
        "field",
        "device",
        "tag",
        "duration",
        "start",
        "end",
        "bucket",
        "function",
        "by",
        "compare",
        "view",
        "live",
        "forecast",
    )
)

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Query = Annotated[str, msgspec.Meta(max_length=MAX_QUERY)]


class SaveThis(msgspec.Struct):
    """A view to save."""

    name: Name
    query: Query
    shared: bool = False


class ChangeThis(msgspec.Struct):
    """What to change; None is left as it is."""

    name: Name | None = None
    query: Query | None = None
    shared: bool | None = None


class Views(V1View):
    """List and save views."""

    needs: Needs = {"GET": VIEW_VIEWS, "POST": SAVE_VIEWS}

    @extend_schema(responses=listing_of(ViewRow), operation_id="list_views")
    def get(self, request: Request) -> Response:
        """List one's own views and those that others share, by name."""
        return everything([_shown(view, request) for view in _visible(request).select_related("owner")])

    @extend_schema(request=NewView, responses={201: ViewRow}, operation_id="save_view")
    def post(self, request: Request) -> Response:
        """Save a view."""
        wanted = body_of(request, SaveThis)
        owner = cast(User, request.user)
        if SavedView.objects.filter(owner=owner).count() >= MOST:
            raise Conflict(f"You have {MOST} views already: delete one first.", "too_many_views")
        view = SavedView(owner=owner)
        _change(view, wanted.name, wanted.query, wanted.shared)
        return Response(_shown(view, request), status=201)


class OneView(V1View):
    """A saved view."""

    needs: Needs = {"GET": VIEW_VIEWS, "PATCH": SAVE_VIEWS, "DELETE": SAVE_VIEWS}

    @extend_schema(responses=ViewRow, operation_id="get_view")
    def get(self, request: Request, number: int) -> Response:
        """Give a view."""
        return Response(_shown(_view_of(request, number), request))

    @extend_schema(request=ViewChange, responses=ViewRow, operation_id="change_view")
    def patch(self, request: Request, number: int) -> Response:
        """Change a view of one's own; with the permission to change views, one that somebody shares."""
        wanted = body_of(request, ChangeThis)
        view = _view_of(request, number)
        _may(request, view, "dashboard.change_savedview")
        _change(view, wanted.name, wanted.query, wanted.shared)
        return Response(_shown(view, request))

    @extend_schema(request=None, responses={204: None}, operation_id="delete_view")
    def delete(self, request: Request, number: int) -> Response:
        """Delete a view of one's own; with the permission to delete views, one that somebody shares."""
        view = _view_of(request, number)
        _may(request, view, "dashboard.delete_savedview")
        view.delete()
        return Response(status=204)


def _visible(request: Request) -> QuerySet[SavedView]:
    return SavedView.objects.filter(Q(owner=cast(User, request.user)) | Q(shared=True))


def _view_of(request: Request, number: int) -> SavedView:
    """Return a view that who asks may see; what others keep for themselves is not even there."""
    found = _visible(request).select_related("owner").filter(pk=number).first()
    if found is None:
        raise NotFound(f"There is no view {number}; /api/v1/views lists them.", "unknown_view")
    return found


def _may(request: Request, view: SavedView, permission: str) -> None:
    if view.owner_id != request.user.pk and not request.user.has_perm(permission):
        raise PermissionDenied(f"This view is {view.owner}'s. This needs the permission {permission}.")


def _change(view: SavedView, name: str | None, query: str | None, shared: bool | None) -> None:
    """Write what is given into a view and save it; raise ValidationError or Conflict."""
    if name is not None:
        view.name = _name(name)
    if query is not None:
        view.query = _query(query)
    if shared is not None:
        view.shared = shared
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise Conflict(f"There is a view named {view.name!r} already.", "name_taken") from error


def _name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable():
        raise ValidationError({"name": ["A name has at least one character, and none that cannot be seen."]}, "invalid")
    return name


def _query(text: str) -> str:
    """Return a query without its question mark; refuse what the explorer would not read."""
    query = text.removeprefix("?")
    unknown = sorted({name for name, _ in parse_qsl(query, keep_blank_values=True)} - KNOWN)
    if unknown:
        there_are = ", ".join(sorted(KNOWN))
        raise ValidationError({"query": [f"The explorer knows no {unknown[0]!r}. There are: {there_are}."]}, "unknown")
    return query


def _shown(view: SavedView, request: Request) -> dict[str, Any]:
    return {
        "id": view.pk,
        "name": view.name,
        "query": view.query,
        "shared": view.shared,
        "owner": view.owner.get_username(),
        "mine": view.owner_id == request.user.pk,
        "updated_at": view.updated_at,
    }
