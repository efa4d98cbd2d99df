"""The time zone that a request names."""

from __future__ import annotations

from contextlib import AbstractContextManager

from rest_framework.exceptions import ValidationError

from insights.zones import NoSuchZone, in_zone


def zone_of(name: str | None) -> AbstractContextManager[None]:
    """Do what follows in a zone, that of the settings without a name. Raises ValidationError for one that is none."""
    try:
        return in_zone(name)
    except NoSuchZone as error:
        raise ValidationError({"zone": [str(error)]}, "zone") from error
