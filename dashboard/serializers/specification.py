"""The specification of a data model, as OpenAPI describes it; `validation.spec` is what reads it."""

from __future__ import annotations

from typing import Any, get_args

from drf_spectacular.utils import OpenApiExample
from rest_framework import serializers

from validation.spec import Kind, TimeUnit, Unknown


class FieldSpecification(serializers.Serializer[Any]):
    """One field of a model. Limits are inclusive."""

    name = serializers.CharField(help_text="a-z, 0-9 and _; starts with a letter. The name of its column.")
    kind = serializers.ChoiceField(choices=get_args(Kind))
    path = serializers.CharField(
        required=False,
        help_text="Where it stands in the payload, like gps.lat; empty, it is the name. A point is an object with lat "
        "and lon, or two paths with a comma between.",
    )
    label = serializers.CharField(  # type: ignore[assignment]  # a field of DRF has an attribute of that name
        required=False, help_text="What people read."
    )
    description = serializers.CharField(required=False)
    unit = serializers.CharField(required=False, help_text="UCUM: km/h, Cel, %, deg, V.")
    required = serializers.BooleanField(required=False)  # type: ignore[assignment]
    minimum = serializers.FloatField(required=False, allow_null=True)
    maximum = serializers.FloatField(required=False, allow_null=True)
    choices = serializers.ListField(child=serializers.CharField(), required=False, help_text="Of a choice.")
    max_length = serializers.IntegerField(required=False, allow_null=True, help_text="Characters, of a text.")
    pattern = serializers.CharField(
        required=False, help_text="A regular expression that a text must contain a match of; it runs in linear time."
    )


class RuleSpecification(serializers.Serializer[Any]):
    """A condition across fields."""

    expression = serializers.CharField(help_text="CEL, true for a reading that passes: end > start.")
    message = serializers.CharField(required=False, help_text="What to say of a reading that breaks it.")


class Specification(serializers.Serializer[Any]):
    """What a data model says: which topics it is for, where device and time stand, and its fields."""

    name = serializers.CharField(help_text="a-z, 0-9 and _; starts with a letter. The name of its table.")
    topic_filter = serializers.CharField(help_text="MQTT topics, with + and #.")
    fields = FieldSpecification(many=True)  # type: ignore[assignment]  # as `errors` in Errors
    device_source = serializers.ChoiceField(choices=["topic", "payload"], required=False)
    device_level = serializers.IntegerField(
        required=False, help_text="Which wildcard of the topic filter names the device, from 1."
    )
    device_key = serializers.CharField(required=False, help_text="The path of the device in the payload.")
    time_source = serializers.ChoiceField(choices=["payload", "receipt"], required=False)
    time_key = serializers.CharField(required=False, help_text="The path of the event time in the payload.")
    time_unit = serializers.ChoiceField(
        choices=get_args(TimeUnit), required=False, help_text="What a time that is a number counts, since 1970."
    )
    sequence_key = serializers.CharField(required=False, help_text="The path of the sequence number; empty for none.")
    unknown = serializers.ChoiceField(
        choices=get_args(Unknown),
        required=False,
        help_text="Keys without a field: ignore them, keep them in the column extra, or reject the reading.",
    )
    any_of = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Fields of which at least one must be present."
    )
    rules = RuleSpecification(many=True, required=False)
    past_s = serializers.FloatField(required=False, help_text="How old a reading may be when it arrives, in seconds.")
    ahead_s = serializers.FloatField(required=False, help_text="How far in the future its time may be, in seconds.")
    retention_days = serializers.IntegerField(required=False, allow_null=True, help_text="null keeps everything.")
    rollup_1m_days = serializers.IntegerField(
        required=False, allow_null=True, help_text="For how many days what each minute came to is kept; null: for good."
    )
    rollup_1h_days = serializers.IntegerField(required=False, allow_null=True, help_text="The same of each hour.")
    rollup_1d_days = serializers.IntegerField(required=False, allow_null=True, help_text="The same of each day.")
    register_devices = serializers.BooleanField(
        required=False, help_text="Whether a device that is not known is registered on its first reading."
    )


class Draft(Specification):
    """A specification to save, and a description of the model beside it."""

    description = serializers.CharField(required=False, help_text="For people; not part of any version.")


PUMP: dict[str, Any] = {
    "name": "pump",
    "description": "Pumps of the water works.",
    "topic_filter": "plant/+/pumps/+/state",
    "device_level": 2,
    "time_key": "at",
    "time_unit": "ms",
    "fields": [
        {"name": "pressure", "kind": "number", "unit": "bar", "required": True, "minimum": 0, "maximum": 16},
        {"name": "flow", "kind": "number", "path": "out.flow", "unit": "L/min", "minimum": 0},
        {"name": "mode", "kind": "choice", "choices": ["off", "on", "auto"]},
    ],
    "rules": [{"expression": "flow == 0.0 || pressure > 0.5", "message": "Water flows without pressure."}],
    "retention_days": 365,
}
SPECIFICATION = OpenApiExample("A pump", value=PUMP, request_only=True)
