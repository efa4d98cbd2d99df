"""The time zone of whoever asks: days begin at its midnight, and times of the day are its own.

It is Django's current time zone: UTC, unless a part of the work is done `in_zone` of somebody.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.utils import timezone

LONGEST = 64  # characters; the longest of the IANA database has 32


class NoSuchZone(ValueError):
    """A name that the IANA database does not know; the message says so."""


def here() -> str:
    """Return the zone of whoever asks, by its name."""
    return timezone.get_current_timezone_name()


def in_zone(name: str | None) -> AbstractContextManager[None]:
    """Do what follows for somebody in a zone; without a name nothing changes. Raises NoSuchZone."""
    if not name:
        return nullcontext()
    try:
        if len(name) > LONGEST:
            raise ValueError(name)
        return timezone.override(ZoneInfo(name))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:  # OSError: the name of a folder of the database
        raise NoSuchZone(f"There is no time zone {name[:LONGEST]!r}; they are called like Europe/Berlin.") from error
