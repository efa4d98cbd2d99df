"""What a backup holds, written into it: what a restore checks itself against."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from dataflow.backup.errors import BackupError

MEMBER = "manifest.json"
FORMAT = 1  # of the file as a whole; a restore refuses one that it does not know

Method = Literal["pg_dump", "copy"]


class Table(msgspec.Struct, frozen=True):
    """A table as it was: how many rows of its own, how many indexes, and of which table it is a partition."""

    rows: int
    indexes: int
    of: str = ""


class BufferState(msgspec.Struct, frozen=True):
    """A buffer as it was. Waiting is what was in its stream and had no outcome in the database.

    `added` counts the entries that it ever took (-1: its server does not say), `unsettled` the messages that it has
    counted and that are not in PostgreSQL's sums, `number` the newest settlement of its counts.
    """

    id: str
    entries: int
    messages: int
    added: int
    unsettled: int
    number: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of it. `tables` by schema and name, `migrations` as app and name, `silent` buffers by address."""

    format: int
    made: datetime
    method: Method
    program: str
    server: str
    migrations: list[tuple[str, str]]
    tables: dict[str, Table]
    buffers: list[BufferState]
    silent: list[str]

    @property
    def rows(self) -> int:
        """Return the rows of all tables."""
        return sum(table.rows for table in self.tables.values())


def encode(manifest: Manifest) -> bytes:
    """Return a manifest as JSON that people can read, too."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1)


def decode(data: bytes) -> Manifest:
    """Return what `encode` wrote; raise BackupError for another format or something else."""
    try:
        found = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
        version = msgspec.json.decode(found.get("format", msgspec.Raw(b"0")), type=int)
        if version != FORMAT:
            raise BackupError(f"The backup has format {version}; this version of the platform reads format {FORMAT}.")
        return msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise BackupError(f"The backup's {MEMBER} cannot be read: {error}") from error
