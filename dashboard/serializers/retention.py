"""What the API says of what is kept."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class NextRow(serializers.Serializer[Any]):
    """The partition that goes next."""

    first = serializers.DateField(help_text="Its first day (UTC).")
    last = serializers.DateField(help_text="Its last day (UTC).")
    at = serializers.DateTimeField(help_text="When its time is over; a task looks every ten minutes.")
    bytes = serializers.IntegerField(help_text="What that frees on disk, indexes included.")
    waits_for_rollups = serializers.BooleanField(
        help_text="Its time is over, and it stays until what rollups need of it is computed."
    )


class LevelRow(serializers.Serializer[Any]):
    """Readings of a model (raw), or what each minute, hour or day of them came to."""

    level = serializers.ChoiceField(choices=["raw", "1m", "1h", "1d"])
    days = serializers.IntegerField(allow_null=True, help_text="For how many days it is kept; null: for good.")
    partitions = serializers.IntegerField()
    rows = serializers.IntegerField(help_text="As PostgreSQL estimates them.")
    bytes = serializers.IntegerField(help_text="On disk, indexes included.")
    first = serializers.DateField(allow_null=True)
    last = serializers.DateField(allow_null=True)
    overdue = serializers.IntegerField(help_text="Partitions that go with the next run.")
    next = NextRow(allow_null=True)
    removed_partitions = serializers.IntegerField()
    removed_rows = serializers.IntegerField()
    removed_bytes = serializers.IntegerField()
    removed_until = serializers.DateField(allow_null=True, help_text="The first day of the newest that was removed.")


class KeptRow(serializers.Serializer[Any]):
    """What is kept of a model."""

    model = serializers.CharField()
    bytes = serializers.IntegerField()
    levels = LevelRow(many=True)
    waiting = serializers.IntegerField(help_text="Buckets of rollups that are to be computed again.")
    to_mark_hours = serializers.IntegerField(
        help_text="Hours of stored readings that are yet to be looked through for rollups."
    )
    to_mark_hours_at_first = serializers.IntegerField()


class KeptListing(serializers.Serializer[Any]):
    """What is kept of all models."""

    results = KeptRow(many=True)
    next = serializers.CharField(allow_null=True)
