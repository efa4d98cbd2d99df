"""Models in and out, as the API takes and shows them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from dashboard.serializers.models import ModelDetail
from dashboard.serializers.specification import Specification


class ImportRequest(serializers.Serializer[Any]):
    """Either a bundle, or a JSON Schema; those of others do not say name and topic filter, which are given beside."""

    bundle = serializers.DictField(child=serializers.JSONField(), required=False, help_text="As /bundle gives it.")
    schema = serializers.DictField(child=serializers.JSONField(), required=False, help_text="JSON Schema 2020-12.")
    name = serializers.CharField(required=False, help_text="In place of the one it has.")
    topic_filter = serializers.CharField(required=False, help_text="In place of the one it has.")
    publish = serializers.BooleanField(default=False, help_text="Publish it as well.")
    dry_run = serializers.BooleanField(default=False, help_text="Show what it would be; make nothing.")


class Imported(ModelDetail):
    """A model that was imported."""

    notes = serializers.ListField(child=serializers.CharField(), help_text="What could not be carried over.")


class Template(serializers.Serializer[Any]):
    """Something to begin with."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    spec = Specification()


class FromTemplateRequest(serializers.Serializer[Any]):
    """A template, and what to change of it."""

    template = serializers.CharField()
    name = serializers.CharField(required=False, help_text="Without it, the template's.")
    topic_filter = serializers.CharField(required=False, help_text="Without it, the template's.")
    publish = serializers.BooleanField(default=False, help_text="Publish it as well.")


SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"warmth": {"type": "number", "minimum": -40, "maximum": 80, "x-unit": "Cel"}},
    "required": ["warmth"],
}
IMPORT = OpenApiExample(
    "A JSON Schema",
    value={"schema": SCHEMA, "name": "room", "topic_filter": "rooms/+/climate", "dry_run": True},
    request_only=True,
)
FROM_TEMPLATE = OpenApiExample(
    "A weather station",
    value={"template": "weather_station", "name": "roof", "topic_filter": "weather/+/roof", "publish": True},
    request_only=True,
)
