"""What every page of this room in the admin needs: its frame, its permissions, its traces in the history."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast

from django.contrib import admin
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path

from validation.models import Quarantined
from validation.selectors import TooSlow

CHANGED, ADDED, REMOVED = CHANGE, ADDITION, DELETION
LONGEST_REPR = 200  # characters that the history has room for
Options = ParamSpec("Options")
View = Callable[Concatenate[HttpRequest, Options], HttpResponse]


def may(request: HttpRequest, *permissions: str) -> bool:
    """Tell whether somebody has all of some permissions of this room, such as `change_datamodel`."""
    return request.user.has_perms([f"validation.{permission}" for permission in permissions])


def needs(*permissions: str) -> Callable[[View[Options]], View[Options]]:
    """Refuse a page to whoever lacks one of some permissions of this room."""

    def guard(view: View[Options]) -> View[Options]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: Options.args, **kwargs: Options.kwargs) -> HttpResponse:
            if not may(request, *permissions):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return guard


def in_time(view: View[Options]) -> View[Options]:
    """Have a page say what to do when the database takes too long for what it was asked."""

    @wraps(view)
    def bounded(request: HttpRequest, /, *args: Options.args, **kwargs: Options.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except TooSlow:
            return show(request, "slow.html", "Too much at once", Quarantined, status=503)

    return bounded


def address(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
    """Return an address of the admin: only people who may enter the admin at all get to its view."""
    return path(route, admin.site.admin_view(view), name=f"validation_{name}")


def show(
    request: HttpRequest, template: str, title: str, model: type[Model], status: int = 200, **context: Any
) -> TemplateResponse:
    """Return a page about a model of the database, in the admin's frame."""
    frame = {
        **admin.site.each_context(request),
        "title": title,
        "opts": model._meta,
        "has_view_permission": may(request, f"view_{model._meta.model_name}"),
    }
    return TemplateResponse(request, f"admin/validation/{template}", {**frame, **context}, status=status)


def note(request: HttpRequest, subject: Model | type[Model], words: str, flag: int = CHANGED) -> None:
    """Write into the admin's history what somebody did to a record, or to records of a kind."""
    single = isinstance(subject, Model)
    LogEntry.objects.create(
        user_id=cast(int, request.user.pk),  # nobody gets here without having signed in
        content_type=ContentType.objects.get_for_model(subject, for_concrete_model=False),
        object_id=str(subject.pk) if single else None,
        object_repr=str(subject if single else subject._meta.verbose_name_plural)[:LONGEST_REPR],
        action_flag=flag,
        change_message=words,
    )


def download(document: Any, filename: str) -> HttpResponse:
    """Return a document as a JSON file to save."""
    text = json.dumps(document, indent=2, ensure_ascii=False)
    answer = HttpResponse(f"{text}\n", content_type="application/json; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer


def name_of(request: HttpRequest) -> str:
    """Return the name of whoever is signed in."""
    return request.user.get_username()
