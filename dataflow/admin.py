"""The page of the workers: who works, whether the queues move, and what is sent regularly by whom."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from redis import RedisError

from dataflow.models import ScheduledJob
from validation.workers import START_SCHEDULER, START_WORKER, overview

FOLDER = "admin/dataflow/scheduledjob"


@admin.register(ScheduledJob)
class WorkersAdmin(admin.ModelAdmin[ScheduledJob]):
    """Workers, queues and schedulers, to look at: they write about themselves, and nobody else does."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A scheduler enters what it sends."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The schedule is a setting."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without its slot a job would be sent once too often."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show all of it on one page; with `?part=1` only what changes, for the page that refreshes itself."""
        return workers_page(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the same page: all there is to say about one job stands on it."""
        return workers_page(request)


@require_safe
def workers_page(request: HttpRequest) -> HttpResponse:
    """Show the workers to those who may see them."""
    if not request.user.has_perm("dataflow.view_scheduledjob"):
        raise PermissionDenied
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Workers",
        "opts": ScheduledJob._meta,
        "now": timezone.now(),
        "start_worker": START_WORKER,
        "start_scheduler": START_SCHEDULER,
    }
    try:
        context["found"] = overview()
    except RedisError:
        context["away"] = True
    template = "state.html" if "part" in request.GET else "change_list.html"
    return TemplateResponse(request, f"{FOLDER}/{template}", context)
