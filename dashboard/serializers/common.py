"""What all parts of the API share: errors, moments and lengths of time, health, signing in."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field, inline_serializer
from rest_framework import serializers

from dashboard.api.times import parse_duration, parse_moment


@extend_schema_field(OpenApiTypes.STR)
class MomentField(serializers.CharField):
    """A moment: ISO 8601, or seconds since 1970."""

    def to_internal_value(self, data: Any) -> datetime:  # type: ignore[override]  # a text comes in, a time goes out
        """Return the moment; refuse what is none."""
        found = parse_moment(super().to_internal_value(data))
        if found is None:
            raise serializers.ValidationError("Expected ISO 8601 or seconds since 1970.", "moment")
        return found


@extend_schema_field(OpenApiTypes.STR)
class DurationField(serializers.CharField):
    """A length of time: `90s`, `5m`, `24h`, `7d`, `2w`, or seconds."""

    def to_internal_value(self, data: Any) -> timedelta:  # type: ignore[override]
        """Return the length; refuse what is none."""
        return duration_of(super().to_internal_value(data))


def duration_of(text: str) -> timedelta:
    """Return a length of time; refuse what is none."""
    found = parse_duration(text)
    if found is None:
        raise serializers.ValidationError("Expected a length of time such as 90s, 5m, 24h or 7d.", "duration")
    return found


class Error(serializers.Serializer[Any]):
    """One thing that is wrong."""

    code = serializers.CharField(help_text="For programs; it does not change.")
    detail = serializers.CharField(help_text="For people.")
    attr = serializers.CharField(allow_null=True, help_text="The part of the request that is meant.")


class Errors(serializers.Serializer[Any]):
    """What is wrong, in the shape that all errors have."""

    type = serializers.ChoiceField(choices=["validation_error", "client_error", "server_error"])
    errors = Error(many=True)  # type: ignore[assignment]  # a serializer of DRF has an attribute of that name


class Health(serializers.Serializer[Any]):
    """The process answers."""

    status = serializers.CharField()


class Readiness(serializers.Serializer[Any]):
    """Whether everything that requests need can be reached, part by part."""

    ready = serializers.BooleanField()
    parts = serializers.DictField(child=serializers.CharField())
    attention = serializers.ListField(child=serializers.CharField(), help_text="Sentences about queues that stand.")


class Credentials(serializers.Serializer[Any]):
    """Name and password."""

    username = serializers.CharField(trim_whitespace=False, max_length=150)
    password = serializers.CharField(trim_whitespace=False, max_length=1000)


class IssuedToken(serializers.Serializer[Any]):
    """A token for `Authorization: Token …`; it is not shown again."""

    token = serializers.CharField()
    expires = serializers.DateTimeField()


def listing_of(item: type[serializers.Serializer[Any]]) -> serializers.Serializer[Any]:
    """Return the description of a list of such items, as all lists of version 1 are given."""
    parts: dict[str, serializers.Field[Any, Any, Any, Any]] = {
        "results": item(many=True),
        "next": serializers.IntegerField(
            allow_null=True, help_text="The value of `before` for the next page; null on the last one."
        ),
    }
    made: serializers.Serializer[Any] = inline_serializer(f"{item.__name__}List", parts)
    return made
