"""Summaries in the admin: which are made regularly, and those that were made."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from insights.models import StoredSummary, SummarySchedule


@admin.register(SummarySchedule)
class SummaryScheduleAdmin(admin.ModelAdmin[SummarySchedule]):
    """For which models a summary is made every hour or day."""

    list_display = ("model", "every", "tag", "enabled")
    list_filter = ("every", "enabled", "model")


@admin.register(StoredSummary)
class StoredSummaryAdmin(admin.ModelAdmin[StoredSummary]):
    """Summaries that were made, to read."""

    list_display = ("model", "tag", "start", "end", "readings", "text")
    list_filter = ("model", "schedule__every", "tag")
    search_fields = ("text",)
    date_hierarchy = "end"
    fields = ("model", "tag", "start", "end", "text", "readings", "engine", "generated_at", "facts_in_full")
    readonly_fields = fields

    @admin.display(description="facts")
    def facts_in_full(self, row: StoredSummary) -> str:
        """Return the facts with their SQL, as JSON."""
        return json.dumps(row.facts, indent=2, ensure_ascii=False)

    def has_add_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody writes one by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, *_: Any) -> bool:
        """Nobody changes what was told."""
        return False
