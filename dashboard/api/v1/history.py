"""Write who did what into the admin's history, so that it shows acts through the API as it shows its own."""

from __future__ import annotations

from typing import cast

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import models
from rest_framework.request import Request

ADDED, CHANGED, DELETED = ADDITION, CHANGE, DELETION
BY_API = "Through the API: "
MAX_REPR = 200  # characters that the history has room for


def note(request: Request, thing: models.Model, act: int, words: str) -> None:
    """Note an act on one thing: ADDED, CHANGED or DELETED, and what it was, in words."""
    _write(request, type(thing), act, words, key=thing.pk, name=str(thing))


def note_many(request: Request, kind: type[models.Model], act: int, words: str, name: str) -> None:
    """Note an act on many things of a kind at once; `name` says which ones."""
    _write(request, kind, act, words, key=None, name=name)


def name_of(request: Request) -> str:
    """Return the name of who asks, as versions and replays keep it."""
    return str(request.user.get_username())


def _write(request: Request, kind: type[models.Model], act: int, words: str, *, key: object, name: str) -> None:
    LogEntry.objects.create(
        user=cast(User, request.user),  # nobody else gets past the permissions
        content_type=ContentType.objects.get_for_model(kind),
        object_id=None if key is None else str(key),
        object_repr=name[:MAX_REPR],
        action_flag=act,
        change_message=BY_API + words,
    )
