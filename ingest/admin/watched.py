"""What processes write about themselves: one page that refreshes itself, to look at and not to change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.http import require_safe


class WatchedAdmin(admin.ModelAdmin[Any]):
    """All rows on one page: `change_list.html` in `folder`, around the `state.html` that changes."""

    title: str
    folder: str

    def state(self, request: HttpRequest) -> dict[str, Any]:
        """Return what the page shows besides its title."""
        raise NotImplementedError

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A process enters itself."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What a process says of itself stays as it is."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever looks after the rows forgets them."""
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show all of it on one page."""
        return self.page(request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the same page: all there is to say about one row stands on it."""
        return self.page(request)

    @method_decorator(require_safe)
    def page(self, request: HttpRequest) -> HttpResponse:
        """Show it to those who may see it; with `?part=1` only what changes, for the page that refreshes itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **admin.site.each_context(request),
            "title": self.title,
            "opts": self.model._meta,
            "now": timezone.now(),
            "state": f"{self.folder}/state.html",
            **self.state(request),
        }
        template = context["state"] if "part" in request.GET else f"{self.folder}/change_list.html"
        return TemplateResponse(request, template, context)
