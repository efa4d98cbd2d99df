"""Quarantine and replays, as the API takes and shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from dashboard.serializers.common import MomentField
from dashboard.serializers.trials import Payload, Reason

BY = ("model", "code", "place", "device", "topic")
DEFAULT_BY = ("model", "code", "place")
MAX_ID = 2**63 - 1


class SelectionQuery(serializers.Serializer[Any]):
    """Which records; all conditions must hold."""

    model = serializers.CharField(
        required=False, allow_blank=True, help_text="Of this model; empty: of topics that no model is for."
    )
    code = serializers.CharField(required=False, help_text="With this code as their first reason.")
    place = serializers.CharField(
        required=False, allow_blank=True, trim_whitespace=False, help_text="Where the first reason points: /speed."
    )
    device = serializers.CharField(required=False, allow_blank=True, trim_whitespace=False)
    topic = serializers.CharField(required=False, trim_whitespace=False, help_text="On exactly this topic.")
    topic_filter = serializers.CharField(
        required=False, trim_whitespace=False, help_text="On topics that this filter matches: boats/+; write + as %2B."
    )
    since = MomentField(required=False, help_text="Received then or later: ISO 8601 or seconds since 1970.")
    until = MomentField(required=False, help_text="Received before: ISO 8601 or seconds since 1970.")


class CommaSeparated(serializers.CharField):
    """Words with commas between, each one of BY."""

    def to_internal_value(self, data: Any) -> list[str]:  # type: ignore[override]
        """Return the words, each once; refuse others."""
        words = list(dict.fromkeys(word.strip() for word in super().to_internal_value(data).split(",")))
        if not set(words) <= set(BY):
            raise serializers.ValidationError(f"Expected some of {', '.join(BY)}, with commas between.", "by")
        return words


class GroupQuery(SelectionQuery):
    """How to group, and which records."""

    by = CommaSeparated(
        required=False, help_text="Some of model, code, place, device, topic; without it model,code,place."
    )
    limit = serializers.IntegerField(default=100, min_value=1, max_value=1000, help_text="The largest groups.")


class Group(serializers.Serializer[Any]):
    """Records that have something in common. What they were not grouped by is null."""

    model = serializers.CharField(allow_null=True, help_text="Empty for topics that no model is for.")
    code = serializers.CharField(allow_null=True)
    place = serializers.CharField(allow_null=True)
    device = serializers.CharField(allow_null=True)
    topic = serializers.CharField(allow_null=True)
    count = serializers.IntegerField()
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()
    sample_id = serializers.IntegerField(help_text="The newest record.")
    detail = serializers.CharField(help_text="Its first reason, in words.")
    trend = serializers.ListField(
        child=serializers.IntegerField(), help_text="Records in each of the last 24 hours, oldest first."
    )


class RecordsQuery(SelectionQuery):
    """Which records, and which page of them."""

    before = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, help_text="Only below this: `next` of the page before."
    )
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200)


class Record(Payload):
    """A reading that did not pass."""

    id = serializers.IntegerField()
    received_at = serializers.DateTimeField()
    topic = serializers.CharField(help_text="Bytes that are not UTF-8 are written as \\xNN.")
    device = serializers.CharField(help_text="Empty when the message did not say.")
    model = serializers.CharField(allow_null=True)
    version = serializers.IntegerField(allow_null=True, help_text="The version that it was judged by.")
    reasons = Reason(many=True)
    code = serializers.CharField(help_text="Of the first reason.")
    place = serializers.CharField(help_text="Of the first reason.")


class Selection(serializers.Serializer[Any]):
    """Which records; all conditions must hold. Without any, it is all of quarantine."""

    model = serializers.CharField(
        required=False, allow_null=True, allow_blank=True, help_text="Empty: of topics that no model is for."
    )
    code = serializers.CharField(required=False, allow_null=True)
    place = serializers.CharField(required=False, allow_null=True, help_text="A JSON pointer: /speed.")
    device = serializers.CharField(required=False, allow_null=True)
    topic = serializers.CharField(required=False, allow_null=True)
    topic_filter = serializers.CharField(required=False, allow_null=True, help_text="On topics that it matches.")
    since = serializers.DateTimeField(required=False, allow_null=True, help_text="Received then or later.")
    until = serializers.DateTimeField(required=False, allow_null=True, help_text="Received before.")
    ids = serializers.ListField(child=serializers.IntegerField(), required=False, help_text="These records alone.")


class DiscardRequest(serializers.Serializer[Any]):
    """What to throw away."""

    selection = Selection()


class Discarded(serializers.Serializer[Any]):
    """What was thrown away."""

    discarded = serializers.IntegerField()


class ReplayRequest(serializers.Serializer[Any]):
    """What to judge again."""

    selection = Selection()
    dry_run = serializers.BooleanField(default=False, help_text="Count what would become of it; change nothing.")


class ReplayRun(serializers.Serializer[Any]):
    """A replay."""

    id = serializers.IntegerField()
    state = serializers.ChoiceField(choices=["running", "stopped", "done", "failed"])
    dry_run = serializers.BooleanField()
    selection = Selection()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    updated_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    total = serializers.IntegerField(help_text="Records that were selected when it began.")
    examined = serializers.IntegerField(help_text="Records that were looked at so far.")
    stored = serializers.IntegerField(help_text="Readings stored; in a dry run, those that would be.")
    duplicate = serializers.IntegerField(help_text="Readings that were stored already.")
    failing = serializers.IntegerField(help_text="Records that fail still.")
    outcome = serializers.JSONField(help_text="What still fails, by reason, with a sample of each.")
    error = serializers.CharField(help_text="Why it failed; empty otherwise.")


PUMP_PRESSURE = {"model": "pump", "code": "maximum", "place": "/pressure"}
DISCARD_PUMP = OpenApiExample("One reason", value={"selection": PUMP_PRESSURE}, request_only=True)
REPLAY_PUMP = OpenApiExample("See first", value={"selection": PUMP_PRESSURE, "dry_run": True}, request_only=True)
