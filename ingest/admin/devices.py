"""Devices in the admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ingest.devices import tags_like
from ingest.models import Device

MOST_TAGS = 100  # at the side of the list


class ByTag(admin.SimpleListFilter):
    """Devices with a tag."""

    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: admin.ModelAdmin[Device]) -> list[tuple[str, str]]:
        """Offer the first tags; a tag in the address works in any case."""
        found = tags_like("", MOST_TAGS)
        chosen = self.value()
        return [(tag, tag) for tag in sorted({*found, *([chosen] if chosen else [])})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Device]) -> QuerySet[Device]:
        """Return the devices with the chosen tag."""
        return queryset.filter(tags__contains=[self.value()]) if self.value() else queryset


@admin.register(Device)
class DeviceAdmin(admin.ModelAdmin[Device]):
    """Name a device before it speaks, say how often it should, and give it tags."""

    list_display = ("name", "expected_interval_s", "shown_tags", "first_seen_at")
    list_filter = (ByTag,)
    search_fields = ("name", "tags")
    readonly_fields = ("first_seen_at",)

    @admin.display(description="tags")
    def shown_tags(self, device: Device) -> str:
        """Return the tags as people write them."""
        return ", ".join(device.tags)
