"""Devices and their readings."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import DurationField, MomentField

DEFAULT_POINTS, MOST_POINTS = 5_000, 50_000
DEFAULT_ENTRIES, MOST_ENTRIES = 100, 1_000


class StatusQuery(serializers.Serializer[Any]):
    """Which devices."""

    model = serializers.CharField(required=False, help_text="Only devices that sent readings of this model.")


class StatusRow(serializers.Serializer[Any]):
    """How one device is. A device that sends readings of several models has a row for each."""

    device_id = serializers.CharField()
    status = serializers.ChoiceField(
        choices=["online", "late", "offline"],
        help_text="online: the newest reading arrived at most 3 expected intervals ago (at least 5 s); "
        "late: at most 10 (at least 30 s); offline: longer ago, or never.",
    )
    last_seen = serializers.DateTimeField(allow_null=True, help_text="When a reading last arrived.")
    expected_interval_s = serializers.FloatField(help_text="Set for the device, else learned, else 10.")
    model = serializers.CharField(allow_null=True)


class LatestQuery(serializers.Serializer[Any]):
    """Which of a device's models."""

    model = serializers.CharField(required=False, help_text="By default the one of the newest reading.")


class LatestReading(serializers.Serializer[Any]):
    """The newest reading of a device by event time."""

    device_id = serializers.CharField()
    model = serializers.CharField()
    ts = serializers.DateTimeField(help_text="When it was measured.")
    received_at = serializers.DateTimeField()
    values = serializers.DictField(child=serializers.JSONField())


class HistoryQuery(serializers.Serializer[Any]):
    """Which field over which span."""

    field = serializers.CharField(required=False, help_text="By default the model's first.")
    duration = DurationField(required=False, help_text="90s, 5m (the default), 24h, 7d; ends now unless `end` says so.")
    start = MomentField(required=False, help_text="ISO 8601 or seconds since 1970; included.")
    end = MomentField(required=False, help_text="ISO 8601 or seconds since 1970; included.")
    points = serializers.IntegerField(
        default=DEFAULT_POINTS, min_value=1, max_value=MOST_POINTS, help_text="At most so many; more are thinned."
    )
    model = serializers.CharField(required=False, help_text="By default the newest one that has the field.")


class History(serializers.Serializer[Any]):
    """A field over time, oldest first."""

    device_id = serializers.CharField()
    model = serializers.CharField()
    field = serializers.CharField()
    unit = serializers.CharField(help_text="UCUM.")
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    resolution = serializers.CharField(
        help_text="`raw`, or how many points stand for how many readings: `1 of 12`; of buckets their length: `1m`."
    )
    source = serializers.CharField(  # type: ignore[assignment]  # a field of DRF has an attribute of that name
        help_text="`raw`: readings as they were stored. `1m`, `1h`, `1d`: buckets of that rollup."
    )
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=5),
        help_text="[seconds since 1970, value] of readings; of buckets [start, average, smallest, largest, count].",
    )


class EntriesQuery(serializers.Serializer[Any]):
    """Which stored readings."""

    model = serializers.CharField(required=False)
    device = serializers.CharField(required=False)
    since = MomentField(required=False, help_text="Event time: ISO 8601 or seconds since 1970; included.")
    limit = serializers.IntegerField(default=DEFAULT_ENTRIES, min_value=1, max_value=MOST_ENTRIES)


class Entry(serializers.Serializer[Any]):
    """One reading that was validated and stored."""

    device_id = serializers.CharField()
    model = serializers.CharField()
    version = serializers.IntegerField(help_text="The version of the model that it was judged by.")
    ts = serializers.DateTimeField(help_text="When it was measured.")
    received_at = serializers.DateTimeField()
    seq = serializers.IntegerField()
    values = serializers.DictField(child=serializers.JSONField())
