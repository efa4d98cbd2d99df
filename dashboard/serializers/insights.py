"""What was noticed and told, as the API takes and gives it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import DurationField


class SummaryQuery(serializers.Serializer[Any]):
    """What to tell about."""

    window = DurationField(required=False, help_text="How far back from now: 90m, 24h (the default), 7d.")
    model = serializers.CharField(required=False, max_length=48, help_text="Only this model.")
    device = serializers.CharField(required=False, max_length=64, help_text="Only this device.")
    tag = serializers.CharField(required=False, max_length=64, help_text="Only devices with this tag.")
    zone = serializers.CharField(required=False, help_text="Whose times of the day, as in Europe/Berlin.")
    engine = serializers.ChoiceField(
        choices=["template", "language_model"], required=False, help_text="Who words it: `template` unless you say so."
    )


class FactRow(serializers.Serializer[Any]):
    """One number, and how to get it again."""

    name = serializers.CharField(help_text="For programs: `temperature.mean`.")
    label = serializers.CharField()  # type: ignore[assignment]  # a field of DRF has an attribute of that name
    value = serializers.FloatField(allow_null=True, help_text="In full; the summary rounds it.")
    unit = serializers.CharField(help_text="UCUM.")
    model = serializers.CharField()
    field = serializers.CharField(allow_null=True)
    device = serializers.CharField(allow_null=True, help_text="Who measured an extreme first.")
    at = serializers.DateTimeField(allow_null=True, help_text="When.")
    when = serializers.CharField(allow_blank=True, help_text="The part of the window that is meant, in words.")
    start = serializers.DateTimeField(help_text="The window; included.")
    end = serializers.DateTimeField(help_text="Not included.")
    readings = serializers.IntegerField(help_text="How many readings it rests on.")
    sql = serializers.CharField(help_text="A statement whose first column is the value.")


class SummaryAnswer(serializers.Serializer[Any]):
    """What happened, in a text and in facts."""

    summary = serializers.CharField(help_text="Plain text; a paragraph a model.")
    facts = FactRow(many=True)
    generated_at = serializers.DateTimeField()
    engine = serializers.CharField(help_text="What worded it: `template` or `language_model`.")
    note = serializers.CharField(required=False, help_text="Why the language model did not word it; only then.")
