"""Exports: which readings, and how large the file will be."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import DurationField, MomentField
from dashboard.serializers.series import Names, SeriesQuery
from validation.spec import MAX_FIELDS

FORMATS = ("csv", "parquet")
MOST_DEVICES, MOST_TAGS = 1_000, 100


class RowsExport(serializers.Serializer[Any]):
    """Which stored readings of a model, as which kind of file."""

    what = serializers.ChoiceField(choices=["rows"], default="rows")
    format = serializers.ChoiceField(choices=FORMATS, default="csv")
    model = serializers.CharField(
        required=False, max_length=48, help_text="May be left out where `field` names it, as in vehicle.speed."
    )
    device = Names(
        default=(), max_length=MOST_DEVICES, help_text="Of this device; repeat for more. `*` or none: of all."
    )
    tag = Names(default=(), max_length=MOST_TAGS, help_text="Of devices with this tag; repeat for any of several.")
    field = Names(
        default=(), max_length=MAX_FIELDS, help_text="speed or vehicle.speed; repeat for more. None: with all."
    )
    start = MomentField(required=False, help_text="ISO 8601 or seconds since 1970; included. None: from the first on.")
    end = MomentField(required=False, help_text="ISO 8601 or seconds since 1970; included. None: to the last.")
    duration = DurationField(required=False, help_text="90s, 5m, 24h, 7d before `end`, or after `start`.")


class SeriesExport(SeriesQuery):
    """Which series, as which kind of file: the parameters of /api/v1/series."""

    what = serializers.ChoiceField(choices=["series"])
    format = serializers.ChoiceField(choices=FORMATS, default="csv")


class AnyExport(RowsExport, SeriesExport):
    """What both kinds of export take, for the document that describes the routes."""

    what = serializers.ChoiceField(
        choices=["rows", "series"],
        default="rows",
        help_text="rows: stored readings of one model. series: exactly what /api/v1/series answers to the same "
        "parameters; those that are not explained here are explained there.",
    )


class ExportSize(serializers.Serializer[Any]):
    """How large an export will be."""

    rows = serializers.IntegerField()
    bytes = serializers.IntegerField(help_text="About, by the newest rows; of series exactly.")
    estimated = serializers.BooleanField(help_text="Whether `rows` is what the planner expects, and not counted.")
