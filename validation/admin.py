"""Data models, their fields and versions in the admin; quarantine and ledger to look at."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from validation.models import DataModel, Field, LedgerMinute, ModelVersion, Quarantined
from validation.publishing import check, publish


class FieldFormSet(BaseInlineFormSet[Field, DataModel, ModelForm[Field]]):
    """The fields of a model, checked together before anything is saved."""

    def clean(self) -> None:
        """Refuse what could not be published: names used twice, no field at all, a column of another type."""
        super().clean()
        if any(self.errors):
            return
        kept = [form.instance for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        if self.instance.name and self.instance.published:
            check(self.instance.spec(field.spec() for field in kept))


class FieldInline(admin.TabularInline[Field, DataModel]):
    """One row a field."""

    model = Field
    formset = FieldFormSet
    extra = 1
    min_num = 1


@admin.register(DataModel)
class DataModelAdmin(admin.ModelAdmin[DataModel]):
    """Saving a published model publishes its next version; the workers judge by it from their next batch on."""

    list_display = ("name", "topic_filter", "published", "version")
    list_filter = ("published",)
    search_fields = ("name", "topic_filter", "description")
    inlines = (FieldInline,)

    @admin.display(description="version")
    def version(self, model: DataModel) -> int | None:
        """Return the number of the newest version."""
        newest = model.versions.order_by("-number").first()
        return newest.number if newest else None

    def get_readonly_fields(self, request: HttpRequest, obj: DataModel | None = None) -> tuple[str, ...]:
        """Keep the name of a model that has a table."""
        return ("name",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: DataModel | None = None) -> bool:
        """Refuse to delete a model with versions: its readings would lose their meaning. Take it out of publication."""
        return super().has_delete_permission(request, obj) and (obj is None or not obj.versions.exists())

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Publish what was saved, together with its fields, in the admin's own transaction."""
        super().save_related(request, form, formsets, change)
        if form.instance.published:
            try:
                version = publish(form.instance)
            except ValidationError as error:
                messages.error(request, " ".join(error.messages))
            else:
                messages.info(request, f"Version {version.number} is published; workers judge by it from now on.")


@admin.register(ModelVersion)
class ModelVersionAdmin(admin.ModelAdmin[ModelVersion]):
    """Published versions, to look at."""

    list_display = ("model", "number", "published_at")
    list_filter = ("model",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A version is made by publishing."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        """A version never changes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: ModelVersion | None = None) -> bool:
        """A version stays: rows say which one judged them."""
        return False


@admin.register(Quarantined)
class QuarantinedAdmin(admin.ModelAdmin[Quarantined]):
    """What did not pass, and why."""

    list_display = ("received_at", "topic", "device", "model", "first_reason")
    list_filter = ("model", "received_at")
    search_fields = ("topic", "device")
    fields = (
        "received_at",
        "topic",
        "device",
        "model",
        "version",
        "every_reason",
        "raw",
        "buffer",
        "entry",
        "position",
    )
    readonly_fields = fields
    show_full_result_count = False

    @admin.display(description="reason")
    def first_reason(self, record: Quarantined) -> str:
        """Return the first reason in words."""
        first = record.reasons[0] if record.reasons else {}
        return f"{first.get('path', '')} {first.get('detail', '')}".strip()[:200]

    @admin.display(description="reasons")
    def every_reason(self, record: Quarantined) -> SafeString:
        """Return all reasons as a list."""
        rows = ((reason["path"] or "/", reason["detail"], reason["code"]) for reason in record.reasons)
        return format_html("<ul>{}</ul>", format_html_join("", "<li><code>{}</code> {} ({})</li>", rows))

    @admin.display(description="payload")
    def raw(self, record: Quarantined) -> SafeString:
        """Return the beginning of the payload as it came; bytes that are not UTF-8 as \\xNN."""
        text = bytes(record.payload[:4000]).decode("utf-8", "backslashreplace")
        return format_html("<pre>{}</pre><p>{} bytes</p>", text, len(record.payload))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Records come from the worker alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Quarantined | None = None) -> bool:
        """A record stays as it came."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Quarantined | None = None) -> bool:
        """The books count every record; what leaves quarantine must leave it through the ledger."""
        return False


@admin.register(LedgerMinute)
class LedgerMinuteAdmin(admin.ModelAdmin[LedgerMinute]):
    """The settled books, to look at."""

    list_display = (
        "minute",
        "buffer",
        "received",
        "messages",
        "readings",
        "stored",
        "duplicate",
        "quarantined",
    )
    ordering = ("-minute", "buffer")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The books are written by the workers alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LedgerMinute | None = None) -> bool:
        """The books are written by the workers alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LedgerMinute | None = None) -> bool:
        """The books are written by the workers alone."""
        return False
