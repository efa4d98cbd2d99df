"""Charts of history, as the API takes and gives them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import DurationField, MomentField, duration_of
from validation.history.question import (
    ALL_DEVICES,
    BY,
    DEFAULT_POINTS,
    FEWEST_POINTS,
    FUNCTIONS,
    MOST_FIELDS,
    MOST_POINTS,
)

MOST_NAMES = 100  # devices or tags of one question
DEFAULT_OPTIONS, MOST_OPTIONS = 100, 1_000


class Names(serializers.ListField):
    """A parameter that may be repeated."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=serializers.CharField(max_length=128), **options)


class SeriesQuery(serializers.Serializer[Any]):
    """Which fields of which devices, over which span, in which buckets."""

    field = Names(max_length=MOST_FIELDS, help_text="`model.field`, as in `vehicle.speed`; may be repeated.")
    device = Names(
        max_length=MOST_NAMES,
        default=(ALL_DEVICES,),
        help_text="A name; may be repeated. `*`, the default: all that sent readings of the model.",
    )
    tag = Names(
        max_length=MOST_NAMES, default=(), help_text="Only devices with this tag; may be repeated for any of them."
    )
    start = MomentField(required=False, help_text="ISO 8601 or seconds since 1970; included.")
    end = MomentField(required=False, help_text="ISO 8601 or seconds since 1970; included. Now, unless it is said.")
    duration = DurationField(required=False, help_text="90s, 5m, 1h (the default), 7d.")
    bucket = serializers.CharField(
        default="auto",
        help_text="`auto`: readings while there are few enough, else buckets by span and points. `raw`: readings. "
        "A length such as 10s, 5m, 1h, 1d: buckets of that.",
    )
    function = serializers.ChoiceField(
        choices=FUNCTIONS, default="avg", help_text="What a bucket shows. Of fields that are no numbers: the count."
    )
    by = serializers.ChoiceField(choices=BY, default="device", help_text="What makes a series.")
    points = serializers.IntegerField(
        default=DEFAULT_POINTS,
        min_value=FEWEST_POINTS,
        max_value=MOST_POINTS,
        help_text="At most so many a series; more are thinned. Many series have fewer, so that the answer stays small.",
    )
    compare = DurationField(required=False, help_text="7d: a second time each series, as it was that much earlier.")
    zone = serializers.CharField(
        default="UTC", max_length=64, help_text="Buckets of days, and of several hours, begin at midnight there."
    )

    def validate_bucket(self, text: str) -> Any:
        """Return the word, or the length of time."""
        return text if text in ("auto", "raw") else duration_of(text)


class OneSeries(serializers.Serializer[Any]):
    """A series, oldest point first."""

    model = serializers.CharField()
    field = serializers.CharField()
    label = serializers.CharField(  # type: ignore[assignment]  # a field of DRF has an attribute of that name
        help_text="The field's, or its name."
    )
    unit = serializers.CharField(help_text="UCUM.")
    kind = serializers.CharField()
    device = serializers.CharField(allow_null=True)
    tag = serializers.CharField(allow_null=True)
    function = serializers.CharField(allow_null=True, help_text="What the buckets show; null for readings.")
    shift_s = serializers.FloatField(help_text="So many seconds before the times of its points it was measured.")
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.JSONField(), min_length=2, max_length=5),
        help_text="[seconds since 1970, value] of readings; of buckets [start, value, smallest, largest, count]. "
        "A point whose value is null: here the device was silent.",
    )


class ShownQuery(serializers.Serializer[Any]):
    """How to ask again."""

    api = serializers.CharField(help_text="The address.")
    sql = serializers.CharField(help_text="Statements that give the same rows, before they were thinned.")


class SeriesAnswer(serializers.Serializer[Any]):
    """Series on one time axis, and what they were made from."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["raw", "1m", "1h", "1d"], help_text="Readings, or the rollup that buckets were made of."
    )
    resolution = serializers.CharField(
        help_text="`raw`; `1 of 12` readings; `1m`: buckets of that length; `1m, 1 of 3`: of those, thinned."
    )
    bucket_s = serializers.FloatField(allow_null=True, help_text="The length of a bucket; null for readings.")
    recomputing = serializers.IntegerField(help_text="Minutes of the rollup that late readings changed and that wait.")
    rows = serializers.IntegerField(help_text="Points in all before they were thinned.")
    series = OneSeries(many=True)
    query = ShownQuery()


class OptionsQuery(serializers.Serializer[Any]):
    """What to choose from."""

    q = serializers.CharField(required=False, max_length=128, help_text="Part of a device's name or of a tag.")
    model = serializers.CharField(required=False, help_text="Only devices that sent readings of this model.")
    tag = Names(max_length=MOST_NAMES, default=(), help_text="Only devices with this tag; may be repeated.")
    limit = serializers.IntegerField(default=DEFAULT_OPTIONS, min_value=1, max_value=MOST_OPTIONS)


class FieldOption(serializers.Serializer[Any]):
    """A field to choose."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    unit = serializers.CharField()
    kind = serializers.CharField()


class ModelOption(serializers.Serializer[Any]):
    """A model to choose."""

    name = serializers.CharField()
    fields = FieldOption(many=True)  # type: ignore[assignment]
    devices = serializers.IntegerField(help_text="How many sent readings of it.")


class DeviceOption(serializers.Serializer[Any]):
    """A device to choose, once for each model that it sent readings of."""

    name = serializers.CharField()
    model = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())


class SeriesOptions(serializers.Serializer[Any]):
    """What there is to choose from."""

    models = ModelOption(many=True)
    devices = DeviceOption(many=True)
    more_devices = serializers.BooleanField(help_text="There are more than are listed: narrow them with `q`.")
    tags = serializers.ListField(child=serializers.CharField())
