"""What the API says of the ring of buffers."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ingest.models import Buffer


class BufferRow(serializers.Serializer[Any]):
    """A buffer, now or formerly of the ring. What only its server can say is null when that does not answer."""

    id = serializers.IntegerField(help_text="Its number, for one whose identity nobody has asked for yet.")
    identity = serializers.CharField(allow_null=True, help_text="12 hexadecimal digits that it keeps with its data.")
    address = serializers.CharField(help_text="Without its password; empty when nobody knows it now.")
    origin = serializers.ChoiceField(choices=Buffer.Origin.choices)
    state = serializers.ChoiceField(choices=Buffer.State.choices)
    since = serializers.DateTimeField(help_text="When it came into this state.")
    weight = serializers.IntegerField(help_text="So many batches go to it where one of weight 1 gets one.")
    answers = serializers.BooleanField(allow_null=True, help_text="Null when it is not asked, because it has left.")
    trouble = serializers.CharField(help_text="Why it does not answer.")
    trouble_since = serializers.DateTimeField(
        allow_null=True, help_text="When workers saw it stop answering, or answer again."
    )
    last_error = serializers.CharField(help_text="The last one that workers saw.")
    left_out = serializers.CharField(help_text="Why it gets no batches although it is active and answers.")
    lost = serializers.BooleanField(help_text="Its data is gone; once that is written off it is `removed`.")
    entries = serializers.IntegerField(allow_null=True, help_text="Batches that wait in it.")
    pending = serializers.IntegerField(allow_null=True, help_text="Of these, the ones that workers have in hand.")
    oldest_age_s = serializers.FloatField(allow_null=True, help_text="Age of the oldest entry; null without one.")
    messages_per_second = serializers.FloatField(allow_null=True, help_text="What it took in the last whole minute.")
    used_bytes = serializers.IntegerField(allow_null=True)
    limit_bytes = serializers.IntegerField(allow_null=True, help_text="Its maxmemory; 0 for none.")
    fill_percent = serializers.FloatField(allow_null=True)


class RingListing(serializers.Serializer[Any]):
    """All buffers, the oldest first, and what is wrong."""

    results = BufferRow(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="Always null: there is no further page.")
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="What is wrong, in sentences; empty when all is well."
    )
    used_mb = serializers.FloatField(help_text="What all active buffers use.")
    max_mb = serializers.IntegerField(help_text="BUFFERS_MAX_MB; 0 for no bound.")
    fill_percent = serializers.IntegerField(help_text="BUFFER_FILL_PERCENT: a fuller buffer gets no batches.")


class NewBuffer(serializers.Serializer[Any]):
    """A server to take into the ring, or back into it."""

    url = serializers.CharField(help_text="`redis://:password@host:6379/0`; it is never shown again with its password.")
    weight = serializers.IntegerField(default=1, min_value=1, max_value=10)


class BufferChange(serializers.Serializer[Any]):
    """What to change of a buffer; what is left out stays."""

    state = serializers.ChoiceField(
        choices=["active", "draining"], required=False, help_text="`draining`: it takes no more batches and is emptied."
    )
    weight = serializers.IntegerField(required=False, min_value=1, max_value=10)


class Removal(serializers.Serializer[Any]):
    """How a buffer leaves."""

    lost = serializers.BooleanField(
        default=False, help_text="Its data is gone for good: write off what it held. Refused while it answers."
    )


class Changed(serializers.Serializer[Any]):
    """A buffer after a change."""

    id = serializers.IntegerField()
    identity = serializers.CharField(allow_null=True)
    state = serializers.ChoiceField(choices=Buffer.State.choices)
    weight = serializers.IntegerField()
    said = serializers.CharField(help_text="What was done, in words.")
