"""Forecasts and correlations, as the API takes and gives them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from dashboard.serializers.common import DurationField


class ForecastQuery(serializers.Serializer[Any]):
    """Of what, for how long."""

    field = serializers.CharField(max_length=128, help_text="`model.field`, as in `vehicle.battery`.")
    device = serializers.CharField(max_length=64)
    horizon = DurationField(required=False, help_text="How far ahead: 30m, 3h (the default), 2d.")
    limit = serializers.FloatField(required=False, help_text="Also say when this value is reached.")
    side = serializers.ChoiceField(
        choices=["below", "above"], required=False, help_text="Of the limit; else the one that it is not on now."
    )


class ReachedLimit(serializers.Serializer[Any]):
    """When a limit is reached; null: not within the horizon."""

    limit = serializers.FloatField()
    side = serializers.ChoiceField(choices=["below", "above"])
    is_there = serializers.BooleanField(help_text="It is beyond the limit already.")
    earliest = serializers.DateTimeField(allow_null=True)
    expected = serializers.DateTimeField(allow_null=True)
    latest = serializers.DateTimeField(allow_null=True)
    sentence = serializers.CharField()


class BackTest(serializers.Serializer[Any]):
    """How good such forecasts have been so far."""

    nominal = serializers.FloatField(help_text="Share of what comes that the interval is to hold.")
    coverage = serializers.FloatField(allow_null=True, help_text="Share that it held; null: too little history.")
    error = serializers.FloatField(help_text="Mean absolute error over all steps.")
    origins = serializers.IntegerField(help_text="Moments at which that was tried.")
    way = serializers.CharField(help_text="The way of forecasting that was best: level, trend, or season of n steps.")


class ForecastAnswer(serializers.Serializer[Any]):
    """What comes."""

    device_id = serializers.CharField()
    model = serializers.CharField()
    field = serializers.CharField()
    unit = serializers.CharField()
    start = serializers.DateTimeField()
    step_s = serializers.FloatField(help_text="A point is the mean of so many seconds.")
    newest = serializers.FloatField(help_text="The newest mean.")
    values = serializers.IntegerField(help_text="How many such means of the past it rests on.")
    points = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(), min_length=4, max_length=4),
        help_text="[seconds since 1970 of its begin, expected, low, high].",
    )
    back_test = BackTest()
    limit = ReachedLimit(allow_null=True)
    query = serializers.DictField(child=serializers.CharField(), help_text="`sql` gives the history.")


class CorrelationQuery(serializers.Serializer[Any]):
    """Of what with what."""

    a = serializers.CharField(max_length=128, help_text="`model.field`.")
    b = serializers.CharField(max_length=128, help_text="`model.field`, also of another model.")
    device_a = serializers.CharField(required=False, max_length=64, help_text="Without one all devices together.")
    device_b = serializers.CharField(required=False, max_length=64)
    duration = DurationField(required=False, help_text="How far back from now: 24h (the default), 7d.")
    max_lag = DurationField(required=False, help_text="How far one may be ahead; a third of the duration at most.")
    differenced = serializers.ChoiceField(
        choices=["auto", "yes", "no"], default="auto", help_text="Compare changes rather than values."
    )


class OneCorrelation(serializers.Serializer[Any]):
    """The best lag, and how sure that is."""

    r = serializers.FloatField()
    low = serializers.FloatField(help_text="95 % interval.")
    high = serializers.FloatField()
    lag_s = serializers.FloatField(help_text="Positive: b follows a.")
    lag_low_s = serializers.FloatField(help_text="Lags from here to lag_high_s do as well.")
    lag_high_s = serializers.FloatField()
    pairs = serializers.IntegerField()
    worth = serializers.FloatField(help_text="As how many independent pairs they count.")
    by_chance = serializers.FloatField(help_text="Reached in one of twenty such questions without any connection.")
    is_more_than_chance = serializers.BooleanField()
    differenced = serializers.BooleanField()


class CorrelationAnswer(OneCorrelation):
    """How two series go together."""

    a = serializers.CharField()
    b = serializers.CharField()
    device_a = serializers.CharField(allow_null=True)
    device_b = serializers.CharField(allow_null=True)
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    step_s = serializers.FloatField()
    sentence = serializers.CharField()
    caution = serializers.CharField()
    without_day = OneCorrelation(allow_null=True, help_text="The same without the rhythm of a day.")
    profile = serializers.ListField(
        child=serializers.ListField(child=serializers.FloatField(allow_null=True), min_length=2, max_length=2),
        help_text="[lag in seconds, r].",
    )
    query = serializers.DictField(child=serializers.CharField(), help_text="`sql` gives both series.")
