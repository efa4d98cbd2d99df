"""Saved views in the admin, for whoever has to tidy up after people who left."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from dashboard.models import SavedView


@admin.register(SavedView)
class SavedViewAdmin(admin.ModelAdmin[SavedView]):
    """Views that are shared, and one's own; the explorer makes them."""

    list_display = ("name", "owner", "shared", "updated_at")
    list_filter = ("shared",)
    search_fields = ("name", "owner__username")
    fields = ("name", "owner", "shared", "query")
    readonly_fields = ("owner", "query")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SavedView]:
        """Leave out what others keep for themselves."""
        rows = super().get_queryset(request).select_related("owner")
        return rows.filter(shared=True) | rows.filter(owner_id=request.user.pk)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody makes one here: a view is what somebody has seen."""
        return False
