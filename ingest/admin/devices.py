"""Devices in the admin."""

from __future__ import annotations

from django.contrib import admin

from ingest.models import Device


@admin.register(Device)
class DeviceAdmin(admin.ModelAdmin[Device]):
    """Name a device before it speaks, or say how often it should."""

    list_display = ("name", "expected_interval_s", "first_seen_at")
    search_fields = ("name",)
    readonly_fields = ("first_seen_at",)
