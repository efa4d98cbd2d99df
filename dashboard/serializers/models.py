"""Data models, their drafts and versions, as the API shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.specification import Specification

DEFAULT_VERSIONS, MOST_VERSIONS = 50, 200
MAX_INTEGER = 2**31 - 1  # what a version's number fits in


class Rate(serializers.Serializer[Any]):
    """What became of a model's readings over the last five minutes."""

    stored = serializers.IntegerField()
    duplicate = serializers.IntegerField()
    quarantined = serializers.IntegerField()
    per_second = serializers.FloatField()
    accepted_share = serializers.FloatField(allow_null=True, help_text="0 to 1; null when nothing came.")


class Model(serializers.Serializer[Any]):
    """A data model."""

    name = serializers.CharField()
    description = serializers.CharField()
    topic_filter = serializers.CharField(help_text="Of the draft.")
    in_service = serializers.BooleanField(help_text="Whether workers judge by its newest version.")
    version = serializers.IntegerField(allow_null=True, help_text="The newest; null when it was never published.")
    published_at = serializers.DateTimeField(allow_null=True)
    changes = serializers.ListField(
        child=serializers.CharField(), help_text="What the draft changes against the newest version; empty for nothing."
    )
    rate = Rate()


class ModelDetail(Model):
    """A data model with its draft."""

    draft = Specification()


class NumberPage(serializers.Serializer[Any]):
    """Which page of a list that is in descending order of numbers."""

    before = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_INTEGER, help_text="Only below this: `next` of the page before."
    )
    limit = serializers.IntegerField(default=DEFAULT_VERSIONS, min_value=1, max_value=MOST_VERSIONS)


class Version(serializers.Serializer[Any]):
    """A published version of a model."""

    number = serializers.IntegerField()
    published_at = serializers.DateTimeField()
    published_by = serializers.CharField()
    changes = serializers.ListField(child=serializers.CharField(), help_text="Against the version before, in words.")


class VersionDetail(Version):
    """A published version with what it says."""

    spec = Specification()


class Use(serializers.Serializer[Any]):
    """Something that uses a field."""

    kind = serializers.CharField(help_text="chart, rule, export …")
    name = serializers.CharField()
    url = serializers.CharField()
    field = serializers.CharField()


class Changes(serializers.Serializer[Any]):
    """What publishing the draft would change."""

    version = serializers.IntegerField(allow_null=True, help_text="What the draft is compared with.")
    changes = serializers.ListField(child=serializers.CharField(), help_text="In words; empty for nothing.")
    going = serializers.ListField(child=serializers.CharField(), help_text="Fields that the draft no longer has.")
    uses = Use(many=True, help_text="What uses the fields that would go.")


class Revert(serializers.Serializer[Any]):
    """Which version the draft becomes."""

    version = serializers.IntegerField(min_value=1, max_value=MAX_INTEGER)
