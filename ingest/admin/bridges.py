"""The page of the bridges: who holds which session at the broker since when, who leads, and what is wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from ingest.bridges import START_ONE, overview
from ingest.models import BridgeProcess

FOLDER = "admin/ingest/bridgeprocess"


@admin.register(BridgeProcess)
class BridgeAdmin(admin.ModelAdmin[BridgeProcess]):
    """Bridges, to look at: they write about themselves, and nobody else does."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A bridge enters itself when it starts."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a bridge says of itself stays as it is."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The leader forgets dead bridges."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show all bridges on one page; with `?part=1` only what changes, for the page that refreshes itself."""
        return bridges_page(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the same page: all there is to say about one bridge stands on it."""
        return bridges_page(request)


@require_safe
def bridges_page(request: HttpRequest) -> HttpResponse:
    """Show the bridges to those who may see them."""
    if not request.user.has_perm("ingest.view_bridgeprocess"):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": "Bridges",
        "opts": BridgeProcess._meta,
        "now": timezone.now(),
        "start_one": START_ONE,
        "found": overview(),
    }
    template = "state.html" if "part" in request.GET else "change_list.html"
    return TemplateResponse(request, f"{FOLDER}/{template}", context)
