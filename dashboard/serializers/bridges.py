"""What the API says of bridges."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class HeldSlotRow(serializers.Serializer[Any]):
    """A session at the broker that a bridge holds."""

    number = serializers.IntegerField()
    client_id = serializers.CharField(help_text="Under this name the broker keeps what was sent meanwhile.")
    epoch = serializers.IntegerField(help_text="Grows each time that a bridge takes it.")
    since = serializers.DateTimeField(allow_null=True, help_text="When its bridge took it.")
    retiring = serializers.BooleanField(help_text="It is emptied and ended, because fewer slots are wanted now.")


class VacantSlotRow(serializers.Serializer[Any]):
    """A session that no living bridge holds; what the broker keeps for it waits."""

    number = serializers.IntegerField()
    client_id = serializers.CharField()
    epoch = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True, help_text="Since when nobody has it.")
    vacant_s = serializers.FloatField(help_text="The same in seconds, by the database's clock.")
    retiring = serializers.BooleanField()


class LeaderRow(serializers.Serializer[Any]):
    """Which of the bridges leads, or led last."""

    bridge = serializers.CharField(help_text="The `id` of the bridge.")
    epoch = serializers.IntegerField(help_text="Grows with each change of the leader.")
    since = serializers.DateTimeField()
    heartbeat_age_s = serializers.FloatField()
    alive = serializers.BooleanField(help_text="False when nobody leads at the moment.")


class BridgeRow(serializers.Serializer[Any]):
    """A bridge, living or dead since not more than a day."""

    id = serializers.CharField(help_text="Made up by the process when it starts.")
    name = serializers.CharField()
    host = serializers.CharField()
    pid = serializers.IntegerField()
    since = serializers.DateTimeField(help_text="When it was started.")
    heartbeat_age_s = serializers.FloatField(help_text="Seconds since its last sign of life, by the database's clock.")
    alive = serializers.BooleanField()
    fit = serializers.BooleanField(help_text="It reaches the broker and a buffer.")
    leader = serializers.BooleanField()
    at_most = serializers.IntegerField(allow_null=True, help_text="Slots that it may take; null for no limit.")
    dropped = serializers.IntegerField(
        allow_null=True,
        help_text="Messages that its broker has dropped since it watches; null when the broker does not say.",
    )
    slots = HeldSlotRow(many=True)


class BridgeListing(serializers.Serializer[Any]):
    """All bridges, the oldest first, and what is wrong."""

    results = BridgeRow(many=True)
    next = serializers.IntegerField(allow_null=True, help_text="Always null: there is no further page.")
    vacant = VacantSlotRow(many=True)
    leader = LeaderRow(allow_null=True)
    problems = serializers.ListField(
        child=serializers.CharField(), help_text="What is wrong, in sentences; empty when all is well."
    )
