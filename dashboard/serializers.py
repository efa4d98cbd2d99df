"""What the API takes and gives. Answers are written straight from rows; their classes here are what OpenAPI says."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.api.times import parse_duration, parse_moment

DEFAULT_POINTS, MOST_POINTS = 5_000, 50_000
DEFAULT_ENTRIES, MOST_ENTRIES = 100, 1_000


@extend_schema_field(OpenApiTypes.STR)
class MomentField(serializers.CharField):
    """A moment: ISO 8601, or seconds since 1970."""

    def to_internal_value(self, data: Any) -> datetime:  # type: ignore[override]  # a text comes in, a time goes out
        """Return the moment; refuse what is none."""
        found = parse_moment(super().to_internal_value(data))
        if found is None:
            raise serializers.ValidationError("Expected ISO 8601 or seconds since 1970.", "moment")
        return found


@extend_schema_field(OpenApiTypes.STR)
class DurationField(serializers.CharField):
    """A length of time: `90s`, `5m`, `24h`, `7d`, `2w`, or seconds."""

    def to_internal_value(self, data: Any) -> timedelta:  # type: ignore[override]
        """Return the length; refuse what is none."""
        found = parse_duration(super().to_internal_value(data))
        if found is None:
            raise serializers.ValidationError("Expected a length of time such as 90s, 5m, 24h or 7d.", "duration")
        return found


class Error(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="For programs; it does not change.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The part of the request that is meant.")


class Errors(serializers.Serializer[Any]):
    """What is wrong, in the shape that all errors have."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = Error(many=True)  # type: ignore[assignment]  # a serializer of DRF has an attribute of that name


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
    resolution = serializers.CharField(help_text="`raw`, or how many points stand for how many readings: `1 of 12`.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field of DRF has an attribute of that name
        help_text="`raw`: readings as they were stored."
    )
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=2),
        help_text="[seconds since 1970, value].",
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


class IngestQuery(serializers.Serializer[Any]):
    """Where a body's readings are filed."""

    topic = serializers.CharField(
        required=False,
        trim_whitespace=False,
        help_text="As if published there. Without it, every reading has a `device_id`.",
    )


class Receipt(serializers.Serializer[Any]):
    """What became of the readings so far: they are in a buffer, and a worker judges them next."""

    received = serializers.IntegerField()
    stored = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    in_flight = serializers.IntegerField()
    buffer = serializers.CharField(help_text="The identity of the buffer that holds them.")
    entry = serializers.CharField(help_text="Their entry in its stream.")


class PublishRequest(serializers.Serializer[Any]):
    """What to publish, and where."""

    topic = serializers.CharField(trim_whitespace=False)
    payload = serializers.JSONField(help_text="An object or an array is sent as JSON, a text as it is.")
    qos = serializers.ChoiceField(choices=[0, 1], default=1)

    def validate_payload(self, value: Any) -> Any:
        """Refuse a bare number, truth value or null: no device sends one, so it is a mistake."""
        if not isinstance(value, dict | list | str):
            raise serializers.ValidationError("Expected an object, an array or a text.", "payload")
        return value


class PublishResult(serializers.Serializer[Any]):
    """What the broker said."""

    topic = serializers.CharField()
    qos = serializers.IntegerField()
    reason = serializers.CharField(help_text="The broker's word: Success, or No matching subscribers.")


class Credentials(serializers.Serializer[Any]):
    """Name and password."""

    username = serializers.CharField(trim_whitespace=False, max_length=150)
    password = serializers.CharField(trim_whitespace=False, max_length=1000)


class IssuedToken(serializers.Serializer[Any]):
    """A token for `Authorization: Token …`; it is not shown again."""

    token = serializers.CharField()
    expires = serializers.DateTimeField()


class Health(serializers.Serializer[Any]):
    """The process answers."""

    status = serializers.CharField()


class Readiness(serializers.Serializer[Any]):
    """Whether everything that requests need can be reached, part by part."""

    ready = serializers.BooleanField()
    parts = serializers.DictField(child=serializers.CharField())
