"""Readings on their way in."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


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
