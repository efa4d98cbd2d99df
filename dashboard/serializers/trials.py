"""Trying drafts: one payload, or what came lately."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from dashboard.serializers.specification import Specification

DEFAULT_RECENT, MOST_RECENT = 20, 200


class Reason(serializers.Serializer[Any]):
    """One reason for a rejection."""

    code = serializers.CharField(help_text="For programs; it does not change.")
    path = serializers.CharField(help_text="Where in the payload: a JSON pointer.")
    detail = serializers.CharField(help_text="For people.")


class TryRequest(serializers.Serializer[Any]):
    """A message to judge."""

    topic = serializers.CharField()
    payload = serializers.JSONField(help_text="A JSON value, judged as it is written here; a text is sent as it is.")
    spec = Specification(required=False, help_text="Judge by this one; without it, by the model's draft.")


class Tried(serializers.Serializer[Any]):
    """What became of one reading."""

    accepted = serializers.BooleanField()
    device = serializers.CharField(allow_null=True)
    ts = serializers.DateTimeField(allow_null=True, help_text="Event time; null when it was not accepted.")
    row = serializers.DictField(child=serializers.JSONField(), help_text="The values that would be stored, by column.")
    reasons = Reason(many=True)


class TrialRequest(serializers.Serializer[Any]):
    """How many messages to judge, and by what."""

    count = serializers.IntegerField(default=1000, min_value=1, max_value=1000, help_text="Of the newest messages.")
    spec = Specification(required=False, help_text="Judge by this one; without it, by the model's draft.")


class ReasonGroup(serializers.Serializer[Any]):
    """Messages that fail for the same reason at the same place, with the newest of them."""

    code = serializers.CharField()
    place = serializers.CharField(help_text="A JSON pointer.")
    count = serializers.IntegerField()
    detail = serializers.CharField()
    topic = serializers.CharField()
    sample = serializers.CharField(help_text="The beginning of its payload.")


class Comparison(serializers.Serializer[Any]):
    """What would change. Messages are counted, not readings; a message with one reading that fails, fails."""

    examined = serializers.IntegerField()
    passing = serializers.IntegerField(help_text="By the draft.")
    failing = serializers.IntegerField(help_text="By the draft.")
    newly_passing = serializers.IntegerField(help_text="That the version in use refuses.")
    newly_failing = ReasonGroup(many=True, help_text="That the version in use accepts.")
    still_failing = ReasonGroup(many=True)


class RecentQuery(serializers.Serializer[Any]):
    """How many messages."""

    limit = serializers.IntegerField(default=DEFAULT_RECENT, min_value=1, max_value=MOST_RECENT)


class Payload(serializers.Serializer[Any]):
    """A payload in three forms."""

    payload = serializers.CharField(help_text="The bytes as they came, in base64.")
    text = serializers.CharField(help_text="The same for people; bytes that are not UTF-8 are written as \\xNN.")
    decoded = serializers.JSONField(allow_null=True, help_text="The JSON that it is; null when it is none.")


class Recent(Payload):
    """A message as it came."""

    topic = serializers.CharField()
    received_at = serializers.DateTimeField()
    accepted = serializers.BooleanField(help_text="By the version that was in use then.")


TRY = OpenApiExample(
    "A reading of a pump",
    value={"topic": "plant/north/pumps/p7/state", "payload": {"at": 1772366400000, "pressure": 6.2, "mode": "auto"}},
    request_only=True,
)
