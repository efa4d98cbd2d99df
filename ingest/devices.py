"""The numbers that stand for device names in the tables, remembered so that a batch costs no query; and tags."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from ingest.models import Device

MAX_REMEMBERED = 200_000  # names; some 30 MB. Beyond it the memory starts anew.


class Registry:
    """Device ids by name, for one process. Not for several threads at once."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def ids(self, names: Iterable[str], *, register: bool) -> dict[str, int]:
        """Return the ids of the known among some names; with `register` all of them are made known first.

        Call it outside of a transaction: what it remembers must not be rolled back. One query when all are known
        to the database, none when all are remembered.
        """
        if len(self._ids) > MAX_REMEMBERED:
            self._ids.clear()
        wanted = set(names)
        unknown = wanted - self._ids.keys()
        if unknown:
            self._look_up(unknown)
            missing = sorted(unknown - self._ids.keys())
            if missing and register:
                # Sorted, so that two workers that meet the same new devices cannot wait for each other.
                Device.objects.bulk_create([Device(name=name) for name in missing], ignore_conflicts=True)
                self._look_up(missing)
        return {name: self._ids[name] for name in wanted if name in self._ids}

    def forget(self) -> None:
        """Start anew, after a device turned out to be gone."""
        self._ids.clear()

    def _look_up(self, names: Iterable[str]) -> None:
        self._ids.update(Device.objects.filter(name__in=names).values_list("name", "id"))


def tags_like(part: str, limit: int) -> list[str]:
    """Return the first tags of devices that have `part` in them, in any case, in alphabetical order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT tag FROM ingest_device, unnest(tags) AS tag WHERE strpos(lower(tag), lower(%s)) > 0 "
            "ORDER BY tag LIMIT %s",
            [part, limit],
        )
        return [tag for (tag,) in cursor.fetchall()]
