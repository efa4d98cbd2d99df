"""The books and traces, as the API takes and shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import DurationField, MomentField

BY = ("minute", "model", "device")


class BooksState(serializers.Serializer[Any]):
    """What the newest look at the books found."""

    state = serializers.ChoiceField(
        choices=["balanced", "not balanced", "could not be checked", "not checked lately", "not checked yet"]
    )
    alarm = serializers.BooleanField(help_text="The newest look found that they do not balance.")
    checked_at = serializers.DateTimeField(allow_null=True)
    age_s = serializers.FloatField(
        allow_null=True, help_text="Seconds since the newest look; one is made every minute."
    )
    wrong_since = serializers.DateTimeField(allow_null=True, help_text="The first look that found them wrong.")
    since = serializers.DateTimeField(allow_null=True, help_text="When the books begin; null: with the first reading.")
    missing = serializers.IntegerField(help_text="Received and nowhere; negative: more came out than went in.")
    totals = serializers.DictField(child=serializers.IntegerField())
    complaints = serializers.ListField(child=serializers.CharField(), help_text="What is wrong, in words.")


class LinesQuery(serializers.Serializer[Any]):
    """How to break the books down."""

    by = serializers.CharField(default="minute", help_text="Some of minute, model, device, with commas between.")
    since = MomentField(required=False, help_text="From that minute on; else the last hour.")
    device = serializers.CharField(required=False, help_text="This device alone.")

    def validate_by(self, text: str) -> tuple[str, ...]:
        """Return the words; refuse others."""
        words = {word.strip() for word in text.split(",")}
        if not words <= set(BY):
            raise serializers.ValidationError(f"Expected some of {', '.join(BY)}, with commas between.", "by")
        return tuple(word for word in BY if word in words)


class BooksLine(serializers.Serializer[Any]):
    """The books of a minute, a version of a model, a device, or what these share. What cannot be known is null."""

    minute = serializers.DateTimeField(allow_null=True)
    model = serializers.CharField(allow_null=True, help_text="Empty for topics that no model is for.")
    version = serializers.IntegerField(allow_null=True)
    device = serializers.CharField(allow_null=True, help_text="Empty for readings in quarantine that name none.")
    received = serializers.IntegerField(allow_null=True)
    stored = serializers.IntegerField(allow_null=True)
    duplicate = serializers.IntegerField(allow_null=True)
    quarantined = serializers.IntegerField(allow_null=True)
    in_flight = serializers.IntegerField(allow_null=True)
    balanced = serializers.BooleanField(allow_null=True)


class GapsQuery(serializers.Serializer[Any]):
    """Where to look for missing sequence numbers."""

    model = serializers.CharField(required=False)
    device = serializers.CharField(required=False)
    start = MomentField(required=False, help_text="Event time.")
    end = MomentField(required=False, help_text="Event time; a minute ago without it.")
    duration = DurationField(required=False, help_text="Such as 24h, which it is without start and end.")


class Gap(serializers.Serializer[Any]):
    """Sequence numbers of a device that are not stored, and the event times of the readings around them."""

    model = serializers.CharField()
    device = serializers.CharField()
    first = serializers.IntegerField()
    last = serializers.IntegerField()
    missing = serializers.IntegerField()
    after = serializers.DateTimeField()
    before = serializers.DateTimeField()


class Gaps(serializers.Serializer[Any]):
    """What is missing between two event times, the largest ranges first."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    models = serializers.ListField(child=serializers.CharField(), help_text="Those that were looked at.")
    missing = serializers.IntegerField()
    is_cut = serializers.BooleanField(help_text="There are more than are listed.")
    gaps = Gap(many=True)


class TraceQuery(serializers.Serializer[Any]):
    """Which reading."""

    device = serializers.CharField()
    at = MomentField(help_text="Its event time, to within a second.")
    model = serializers.CharField(required=False)
    seq = serializers.IntegerField(required=False)


class Hop(serializers.Serializer[Any]):
    """A place that a reading came by."""

    name = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True, help_text="Null where nobody noted the time.")
    words = serializers.CharField()
    details = serializers.DictField()


class Traced(serializers.Serializer[Any]):
    """A reading and where it is."""

    state = serializers.ChoiceField(choices=["stored", "quarantined", "in flight"])
    model = serializers.CharField(allow_null=True)
    device = serializers.CharField()
    ts = serializers.DateTimeField(allow_null=True)
    seq = serializers.IntegerField(allow_null=True)
    received_at = serializers.DateTimeField()
    off_s = serializers.FloatField(help_text="Seconds after what was asked for.")
    version = serializers.IntegerField(allow_null=True)
    repeats = serializers.IntegerField(help_text="How often it came again.")
    values = serializers.DictField(allow_null=True)
    record = serializers.IntegerField(allow_null=True, help_text="Its record in quarantine.")
    reasons = serializers.ListField(child=serializers.DictField())
    hops = Hop(many=True)


class TraceAnswer(serializers.Serializer[Any]):
    """The reading, or others that it may be, or what to do."""

    device = serializers.CharField()
    at = serializers.DateTimeField()
    reading = Traced(allow_null=True)
    candidates = Traced(many=True)
    advice = serializers.ListField(child=serializers.CharField())
