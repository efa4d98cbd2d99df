"""What the routes under /api/v1/ share: which permission each method needs, and how services' refusals are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ObjectDoesNotExist
from django.core.exceptions import ValidationError as Refusal
from django.db import OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.base import ApiView
from dashboard.api.errors import Unavailable
from dashboard.api.openapi import ApiSchema

LOCKED = (LockNotAvailable, DeadlockDetected)
Needs = Mapping[str, tuple[str, ...]]  # by HTTP method: the permissions of Django that it takes, all of them

VIEW_MODELS = ("validation.view_datamodel",)
VIEW_VERSIONS = (*VIEW_MODELS, "validation.view_modelversion")
ADD_MODELS = ("validation.add_datamodel", "validation.change_datamodel")
CHANGE_MODELS = ("validation.change_datamodel",)
DELETE_MODELS = ("validation.delete_datamodel",)
VIEW_QUARANTINE = ("validation.view_quarantined",)
VIEW_PROPOSALS = (*VIEW_MODELS, *VIEW_QUARANTINE)  # a proposal shows what waits in quarantine
VIEW_REPLAYS = ("validation.view_replay",)
REPLAY = ("validation.replay",)
DISCARD = ("validation.discard",)


class HasPermissions(BasePermission):
    """Lets in who has every permission that the route names for the method."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the user has them; without a word about a method, nobody may use it."""
        method = "GET" if request.method == "HEAD" else str(request.method)
        needed = getattr(view, "needs", {}).get(method)
        if needed is None:  # a method that the route does not have is answered with 405, further on
            return method == "OPTIONS" or not hasattr(view, method.lower())
        self.message = f"This needs the permission {' and '.join(needed)}."
        return bool(request.user and request.user.has_perms(needed))


class V1Schema(ApiSchema):
    """Says of each route which permissions it needs, and puts it under what it is about."""

    def get_tags(self) -> list[str]:
        """Return the first part of the address below /api/v1/."""
        return [self.path.split("/")[3]]

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular changes it
        """Return the description of a method, with its permissions."""
        words: str = super().get_description() or ""
        needed = getattr(self.view, "needs", {}).get(self.method, ())
        return f"{words}\n\nNeeds: {', '.join(f'`{permission}`' for permission in needed)}." if needed else words


class V1View(ApiView):
    """A route of version 1."""

    needs: Needs = {}
    permission_classes: Sequence[type[BasePermission]] = (IsAuthenticated, HasPermissions)
    schema = V1Schema()

    def handle_exception(self, exc: Exception) -> Response:
        """Tell what a service refused with all its sentences, and what to do when a table is busy."""
        if isinstance(exc, Refusal):
            exc = refused(exc)
        elif isinstance(exc, ObjectDoesNotExist):
            exc = NotFound("It was there a moment ago: somebody has deleted it.")
        elif isinstance(exc, OperationalError) and isinstance(exc.__cause__, LOCKED):
            exc = Unavailable("The table is too busy to be changed just now. Nothing has changed: try again.", "busy")
        return super().handle_exception(exc)


def refused(error: Refusal, code: str = "refused") -> APIException:
    """Return the refusal of a service as an error of the API: a sentence a fault, by attribute where it is known."""
    if hasattr(error, "error_dict") and NON_FIELD_ERRORS not in error.error_dict:
        return ValidationError(error.message_dict, code)
    return ValidationError(error.messages, code)


def page(rows: Sequence[Any], limit: int, cursor: Callable[[Any], Any], shown: Callable[[Any], Any]) -> Response:
    """Answer with up to `limit` of the rows, and as `next` the cursor to go on from; `rows` holds one more if any."""
    kept = rows[:limit]
    following = cursor(kept[-1]) if len(rows) > limit else None
    return Response({"results": [shown(row) for row in kept], "next": following})


def everything(results: Sequence[Any]) -> Response:
    """Answer with a list that has no further page."""
    return Response({"results": list(results), "next": None})
