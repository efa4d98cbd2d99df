"""Proposed models, as the API shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.models import ModelDetail
from dashboard.serializers.quarantine import ReplayRun
from dashboard.serializers.specification import Specification


class Waiting(serializers.Serializer[Any]):
    """Topics that no model is for, and that messages wait on."""

    id = serializers.CharField(help_text="Stands in the address of the proposal.")
    topic_filter = serializers.CharField(help_text="That would catch them.")
    topics = serializers.ListField(child=serializers.CharField(), help_text="Some of them.")
    messages = serializers.IntegerField()
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()


class FilterQuery(serializers.Serializer[Any]):
    """Which messages."""

    topic_filter = serializers.CharField(trim_whitespace=False, help_text="plant/+/state; write + as %2B.")


class Evidence(serializers.Serializer[Any]):
    """What speaks for a field."""

    name = serializers.CharField()
    path = serializers.CharField()
    kind = serializers.CharField()
    unit = serializers.CharField()
    seen = serializers.IntegerField(help_text="In so many messages.")
    of = serializers.IntegerField(help_text="Of so many that were looked at.")
    sure = serializers.FloatField(help_text="0 to 1.")
    low = serializers.JSONField(allow_null=True, help_text="The smallest value.")
    high = serializers.JSONField(allow_null=True, help_text="The largest value.")
    examples = serializers.ListField(child=serializers.CharField())
    why = serializers.CharField(help_text="In words.")


class Sample(serializers.Serializer[Any]):
    """A message that was looked at."""

    topic = serializers.CharField()
    received_at = serializers.DateTimeField()
    text = serializers.CharField(help_text="Its payload; bytes that are not UTF-8 are written as \\xNN.")


class Proposal(serializers.Serializer[Any]):
    """A model that would fit what waits."""

    id = serializers.CharField()
    spec = Specification()
    family = serializers.CharField(help_text="The kind of device it looks like; empty when none is known.")
    source = serializers.CharField(  # type: ignore[assignment]  # a field of DRF has an attribute of that name
        help_text="Where its payloads are documented."
    )
    notes = serializers.ListField(child=serializers.CharField(), help_text="What a person should look at.")
    fields = Evidence(many=True)  # type: ignore[assignment]  # as `errors` in Errors
    samples = Sample(many=True)
    messages = serializers.IntegerField(help_text="That wait.")


class Drift(serializers.Serializer[Any]):
    """What a model would have to change."""

    spec = Specification(help_text="As it would be.")
    changes = serializers.ListField(child=serializers.CharField(), help_text="Against the draft; empty for none.")
    fields = Evidence(many=True)  # type: ignore[assignment]
    samples = Sample(many=True)
    messages = serializers.IntegerField(help_text="That were looked at.")


class AcceptRequest(serializers.Serializer[Any]):
    """A proposal as a person left it."""

    spec = Specification()
    publish = serializers.BooleanField(default=False)
    replay = serializers.BooleanField(default=False, help_text="Judge again what waited; needs `publish`.")


class Accepted(serializers.Serializer[Any]):
    """What came of it."""

    model = ModelDetail()
    version = serializers.IntegerField(allow_null=True)
    replay = ReplayRun(allow_null=True)
