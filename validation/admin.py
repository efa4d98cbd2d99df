"""Data models, their fields and versions in the admin; quarantine and ledger to look at."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import Max, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from validation.forms import DataModelForm, FieldForm, FieldFormSet
from validation.models import DataModel, Field, LedgerMinute, ModelVersion, Quarantined
from validation.moments import moment
from validation.publishing import publish, rivals
from validation.quarantine import readable

SHOWN_BYTES = 4_000  # of a payload in quarantine


class FieldInline(admin.TabularInline[Field, DataModel]):
    """One row a field."""

    model = Field
    form = FieldForm
    formset = FieldFormSet
    extra = 1
    min_num = 1
    fields = FieldForm.Meta.fields


@admin.register(DataModel)
class DataModelAdmin(admin.ModelAdmin[DataModel]):
    """Saving a published model publishes its next version; the workers judge by it from their next batch on."""

    form = DataModelForm
    list_display = ("name", "description", "topic_filter", "published", "version")
    list_filter = ("published",)
    search_fields = ("name", "topic_filter", "description")
    inlines = (FieldInline,)
    fieldsets = (
        (None, {"fields": ("name", "description", "topic_filter", "published")}),
        ("Where device, time and order stand", {"fields": ("device_source", "device_key", "time_key", "sequence_key")}),
        ("What else to refuse", {"fields": ("past_s", "ahead_s", "register_devices")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[DataModel]:
        """Return the models with the number of their newest version."""
        return super().get_queryset(request).annotate(newest_version=Max("versions__number"))

    @admin.display(description="version", ordering="newest_version", empty_value="never published")
    def version(self, model: DataModel) -> int | None:
        """Return the number of the newest version."""
        number: int | None = getattr(model, "newest_version", None)
        return number

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
            _publish(request, form.instance)
        else:
            messages.warning(request, "Not published: readings of this model wait in quarantine.")


def _publish(request: HttpRequest, model: DataModel) -> None:
    """Publish a saved model and tell the person what came of it."""
    before = set(model.versions.values_list("number", flat=True))
    try:
        number = publish(model).number
    except ValidationError as error:
        messages.error(request, f"Saved, but not published: {' '.join(error.messages)}")
        return
    except OperationalError as error:
        messages.error(request, f"Saved, but not published, because its table is too busy: {error}. Save it again.")
        return
    if number in before:
        messages.info(request, f"Nothing to publish; workers judge by version {number} as before.")
    else:
        messages.info(request, f"Version {number} is published; workers judge by it from now on.")
    for rival in rivals(model):
        words = f"{rival} ({rival.topic_filter}) is for some of the same topics. Readings on those go to"
        messages.warning(request, f"{words} {rival if rival.pk < model.pk else model}, which was there first.")


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

    list_display = ("received_at", "short_topic", "device", "model", "first_reason")
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Quarantined]:
        """Leave the payloads out, until one is looked at: a page of them may be many megabytes."""
        return super().get_queryset(request).select_related("model").defer("payload")

    @admin.display(description="topic", ordering="topic")
    def short_topic(self, record: Quarantined) -> str:
        """Return the beginning of the topic, which may have 65,535 bytes."""
        return record.topic[:80] or "(none)"

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
        """Return the beginning of the payload as it came; bytes that are no text as \\xNN."""
        text = readable(bytes(record.payload[:SHOWN_BYTES]).decode("utf-8", "backslashreplace"))
        size = f"{len(record.payload):,} bytes" + (
            f", of which these are the first {SHOWN_BYTES:,}." if len(record.payload) > SHOWN_BYTES else "."
        )
        return format_html("<pre>{}</pre><p>{}</p>", text, size)

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

    def has_add_permission(self, request: HttpRequest) -> bool:
        """The books are written by the workers alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LedgerMinute | None = None) -> bool:
        """The books are written by the workers alone."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LedgerMinute | None = None) -> bool:
        """The books are written by the workers alone."""
        return False
