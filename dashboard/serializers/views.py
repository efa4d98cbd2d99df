"""What the API says of saved views of the explorer."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.models import MAX_NAME, MAX_QUERY


class ViewRow(serializers.Serializer[Any]):
    """A saved view."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    query = serializers.CharField(help_text="What stands in the explorer's address after the question mark.")
    shared = serializers.BooleanField(help_text="Everybody sees it.")
    owner = serializers.CharField(help_text="Who saved it.")
    mine = serializers.BooleanField(help_text="Whether that was who asks.")
    updated_at = serializers.DateTimeField()


class NewView(serializers.Serializer[Any]):
    """A view to save."""

    name = serializers.CharField(max_length=MAX_NAME, help_text="Not two of the same name of one owner.")
    query = serializers.CharField(max_length=MAX_QUERY, help_text="As in `field=vehicle.speed&device=*&duration=1h`.")
    shared = serializers.BooleanField(default=False, help_text="Let everybody see it.")


class ViewChange(serializers.Serializer[Any]):
    """What to change; what is not named stays."""

    name = serializers.CharField(max_length=MAX_NAME, required=False)
    query = serializers.CharField(max_length=MAX_QUERY, required=False)
    shared = serializers.BooleanField(required=False)
