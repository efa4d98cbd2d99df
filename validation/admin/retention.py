"""Retention in the admin: what is kept of each model and level, what goes next, and what is gone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from validation.admin.ledger import ToLookAt
from validation.admin.pages import address, in_time, may, show
from validation.models import Expired
from validation.retention.outlook import outlook
from validation.selectors import bounded_read


@admin.register(Expired)
class ExpiredAdmin(ToLookAt[Expired]):
    """What is kept, to look at; every partition that was removed stands in its history."""

    list_display = ("model", "level", "day", "rows", "bytes", "removed_at")
    list_filter = ("model", "level")
    ordering = ("-removed_at", "-id")

    def get_urls(self) -> list[Any]:
        """Add the list of what was removed to the addresses of the admin."""
        return [address("removed/", self.removed_page, "retention_removed"), *super().get_urls()]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see the models may see what is kept of them."""
        return may(request, "view_datamodel")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it to the same people."""
        return may(request, "view_datamodel")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show what is kept."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        return kept_page(request)

    def removed_page(self, request: HttpRequest) -> HttpResponse:
        """List every partition that was removed."""
        return super().changelist_view(request, {"title": "Removed by retention"})


@in_time
def kept_page(request: HttpRequest) -> HttpResponse:
    """Show for each model and level what is kept, how large it is, what goes next and what that frees."""
    with bounded_read():
        models = outlook()
    return show(
        request,
        "retention/retention.html",
        "Retention",
        Expired,
        has_view_permission=True,
        models=models,
        bytes=sum(model.bytes for model in models),
        next_bytes=sum(model.next_bytes for model in models),
    )
