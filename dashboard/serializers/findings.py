"""Findings, as the API takes and gives them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import MomentField
from insights.detection.verdict import Kind
from insights.models import Feedback, Finding

MAX_ID = 2**63 - 1
KINDS = [kind.value for kind in Kind]


class FindingQuery(serializers.Serializer[Any]):
    """Which findings."""

    model = serializers.CharField(required=False, max_length=48)
    device = serializers.CharField(required=False, max_length=64)
    field = serializers.CharField(required=False, max_length=63, help_text="Its name in the model.")
    kind = serializers.ChoiceField(choices=KINDS, required=False)
    since = MomentField(required=False, help_text="Only those that go on at this time, or later.")
    until = MomentField(required=False, help_text="Only those that began before.")
    open = serializers.ChoiceField(choices=["true", "false"], required=False, help_text="Whether it may yet go on.")
    zone = serializers.CharField(required=False, help_text="Whose times of the day sentences have: Europe/Berlin.")
    limit = serializers.IntegerField(default=50, min_value=1, max_value=500)
    before = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, help_text="Only below this: `next` of the page before."
    )


class FindingRow(serializers.Serializer[Any]):
    """Something odd: one event."""

    id = serializers.IntegerField()
    model = serializers.CharField()
    device = serializers.CharField()
    field = serializers.CharField(allow_blank=True, help_text="Empty where the device fell silent.")
    label = serializers.CharField(allow_blank=True)  # type: ignore[assignment]  # DRF has an attribute of that name
    unit = serializers.CharField(allow_blank=True, help_text="UCUM.")
    by = serializers.ChoiceField(choices=Finding.By.choices, help_text="What it was compared with.")
    kind = serializers.ChoiceField(choices=KINDS)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField(help_text="Of what is open: the newest that is known.")
    at = serializers.DateTimeField(help_text="When it was oddest.")
    value = serializers.FloatField(help_text="What it was then; of a silence the seconds between readings.")
    low = serializers.FloatField(help_text="What was expected: from …")
    high = serializers.FloatField(help_text="… to.")
    hourly = serializers.BooleanField(help_text="That is usual at this hour of the day.")
    score = serializers.FloatField(help_text="How sure, from 0.5 to 1.")
    readings = serializers.IntegerField(help_text="How many were odd.")
    open = serializers.BooleanField()
    sentence = serializers.CharField(help_text="Times are those of `zone`.")
    feedback = serializers.ChoiceField(choices=Feedback.Said.choices, allow_null=True, help_text="What was said of it.")


class FeedbackBody(serializers.Serializer[Any]):
    """What somebody says of a finding."""

    verdict = serializers.ChoiceField(choices=Feedback.Said.choices, allow_null=True, help_text="null takes it back.")


class FeedbackAnswer(serializers.Serializer[Any]):
    """What follows from it."""

    id = serializers.IntegerField()
    feedback = serializers.ChoiceField(choices=Feedback.Said.choices, allow_null=True)
    sensitivity = serializers.FloatField(help_text="Of this series from now on; 1 is usual, 0.5 wants twice as much.")


class WatchState(serializers.Serializer[Any]):
    """How far the watcher is."""

    at = serializers.DateTimeField(allow_null=True, help_text="When it last said so; null: it has never run.")
    running = serializers.BooleanField()
    behind_s = serializers.FloatField(help_text="Seconds by which the device that waits longest is behind.")
    devices = serializers.IntegerField(help_text="Watched, once for each of their models.")
    learning = serializers.IntegerField(help_text="Of them, those of which only what is unmistakable is found yet.")
    learning_until = serializers.DateTimeField(allow_null=True, help_text="When the first of those is done.")
    readings = serializers.IntegerField(help_text="Looked at since the beginning.")
    values = serializers.IntegerField(help_text="Judged: readings times fields.")
    findings = serializers.IntegerField(help_text="Begun.")
    skipped = serializers.IntegerField(help_text="Times that some was left out, because too much had come.")
    suppressed = serializers.IntegerField(help_text="Findings beyond what a series may make in a day.")
