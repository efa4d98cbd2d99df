"""The books in the admin, to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from validation.models import DataModel, LedgerMinute, LedgerVerdict
from validation.moments import moment

Row = TypeVar("Row", bound=Model)


class ToLookAt(admin.ModelAdmin[Row]):
    """Records that nobody writes by hand."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list under its own name: nothing is to be selected in it."""
        title = capfirst(str(self.opts.verbose_name_plural))
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Workers alone make them."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They stay as they are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """They go when their time is over, or by an action that counts them."""
        return False


@admin.register(LedgerMinute)
class LedgerMinuteAdmin(ToLookAt[LedgerMinute]):
    """The settled books, to look at."""

    list_display = (
        "began",
        "buffer",
        "received",
        "messages",
        "readings",
        "stored",
        "duplicate",
        "quarantined",
    )
    ordering = ("-minute", "buffer")

    @admin.display(description="minute", ordering="minute")
    def began(self, row: LedgerMinute) -> datetime:
        """Return when the minute began."""
        return moment(row.minute * 60_000_000)


@admin.register(LedgerVerdict)
class LedgerVerdictAdmin(ToLookAt[LedgerVerdict]):
    """The settled books by model and version, to look at."""

    list_display = ("began", "model_name", "version", "stored", "duplicate", "quarantined")
    ordering = ("-minute", "model", "version")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return a list that knows what the models are called."""
        return _NamedModels

    @admin.display(description="minute", ordering="minute")
    def began(self, row: LedgerVerdict) -> datetime:
        """Return when the minute began."""
        return moment(row.minute * 60_000_000)

    @admin.display(description="model", ordering="model")
    def model_name(self, row: LedgerVerdict) -> str:
        """Return what the model is called; the books hold its number, which outlives it."""
        return str(getattr(row, "named", row.model))


class _NamedModels(ChangeList):
    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        names = dict(DataModel.objects.values_list("pk", "name"))
        for row in self.result_list:
            row.named = names.get(row.model, "(no model)" if row.model == 0 else f"(deleted, {row.model})")
