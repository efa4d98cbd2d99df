"""That a database came out of a backup, and what that means for the books: a row that `manage.py restore` writes.

The table is made by a migration of `dataflow`; it is read and written here by plain SQL, because every room may ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

TABLE = "dataflow_restoration"


class Answer(Protocol):
    """What a statement returns: a cursor of psycopg, or one of Django's after `execute`."""

    def fetchone(self) -> Any:
        """Return the next row, or None."""


class Asker(Protocol):
    """A connection of psycopg."""

    def execute(self, query: Any, params: Sequence[Any] | None = None, /) -> Answer:
        """Run a statement."""


class Restoration(NamedTuple):
    """When the database came back, of which moment it is, the seal of its backup, and what its buffers said."""

    at: datetime
    made: datetime
    seal: str
    buffers: str

    @property
    def minute(self) -> int:
        """Return the first whole minute since 1970 that belongs to the restored database alone."""
        return int(self.at.timestamp() // 60) + 1

    @property
    def sentence(self) -> str:
        """Return it in words, for whoever checks the books."""
        return (
            f"This database was restored at {self.at:%Y-%m-%d %H:%M:%S} UTC from a backup of "
            f"{self.made:%Y-%m-%d %H:%M:%S} UTC. The books before that balance only if nothing was judged in between: "
            f"such outcomes stood in the lost database. {self.buffers}"
        )


def write(asker: Asker, made: datetime, seal: str, buffers: str) -> Restoration:
    """Note that the database was restored just now."""
    row = asker.execute(
        f"INSERT INTO public.{TABLE} (at, made, seal, buffers) VALUES (now(), %s, %s, %s) RETURNING at",  # noqa: S608
        [made, seal, buffers],
    ).fetchone()
    return Restoration(row[0], made, seal, buffers)


def newest(cursor: Any) -> Restoration | None:
    """Return the newest restoration that a database remembers, None when it never was restored."""
    cursor.execute(f"SELECT at, made, seal, buffers FROM {TABLE} ORDER BY at DESC LIMIT 1")  # noqa: S608
    row = cursor.fetchone()
    return Restoration(*row) if row else None
