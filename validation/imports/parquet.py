"""Read Parquet a batch at a time, in memory that is bounded whatever the file claims.

A file of a kilobyte may hold a column that takes gigabytes when it is unpacked. What it declares is looked at first;
and while Arrow unpacks, this process may only grow by so much, because a file may also lie about what it declares.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import psutil

from validation.imports.reader import MAX_COLUMNS, MAX_ROWS, Piece, Position, Refused

if TYPE_CHECKING:
    import pyarrow as pa

MAX_GROUP_BYTES = 1024 * 1024 * 1024  # a group of rows, unpacked; most writers keep to 128 MB
MAX_GROWTH = 1024 * 1024 * 1024  # bytes of address space while a batch is read
BATCH = 2 * MAX_ROWS
MAX_THRIFT = 16 * 1024 * 1024  # bytes of a text, and number of items, in the file's own description


class ParquetRows:
    """An open Parquet file."""

    typed = True

    def __init__(self, file: BinaryIO, position: Position) -> None:
        """Read the file's description. Raises Refused."""
        import pyarrow as pa  # noqa: PLC0415  (which only those load who read Parquet)
        import pyarrow.parquet as pq  # noqa: PLC0415

        # Arrow's own allocator reserves a gigabyte at once and keeps it, so that no bound would be felt.
        pa.set_memory_pool(pa.system_memory_pool())
        self._arrow = pa
        self._file = file
        self._size = file.seek(0, 2)
        file.seek(0)
        with _told():
            self._parquet = pq.ParquetFile(
                file, thrift_string_size_limit=MAX_THRIFT, thrift_container_size_limit=MAX_THRIFT, pre_buffer=False
            )
        self._rows = self._parquet.metadata.num_rows
        self.columns = self._checked()
        self._row = position.row
        self._batches = self._read_on()
        self._left: list[Piece] = []

    def next(self) -> Piece | None:
        """Return the next rows."""
        while not self._left:
            with _bounded(), _told():
                batch = next(self._batches, None)
                if batch is None:
                    return None
                columns = [_values(self._arrow, column) for column in batch.columns]
            for first in range(0, batch.num_rows, MAX_ROWS):
                some = [column[first : first + MAX_ROWS] for column in columns]
                self._row += min(MAX_ROWS, batch.num_rows - first)
                offset = self._size * self._row // max(self._rows, 1)
                self._left.append(Piece(some, Position(offset, self._row)))
        return self._left.pop(0)

    def close(self) -> None:
        """Close the file."""
        self._parquet.close()
        self._file.close()

    def _checked(self) -> list[str]:
        metadata, schema = self._parquet.metadata, self._parquet.schema_arrow
        if len(schema.names) > MAX_COLUMNS:
            raise Refused(f"The file has {len(schema.names):,} columns; {MAX_COLUMNS:,} can be read.")
        for number in range(metadata.num_row_groups):
            size = metadata.row_group(number).total_byte_size
            if size > MAX_GROUP_BYTES:
                raise Refused(
                    f"The row group {number} of the file holds {size:,} bytes; {MAX_GROUP_BYTES:,} can be read. "
                    "Write the file with smaller row groups."
                )
        twice = next((name for name in schema.names if schema.names.count(name) > 1), None)
        if twice is not None:
            raise Refused(f"Two columns have the name {twice[:80]!r}.")
        nested = [field.name for field in schema if self._arrow.types.is_nested(field.type)]
        if nested:
            raise Refused(f"The column {nested[0][:80]!r} holds lists or structures; only plain values can be read.")
        return list(schema.names)

    def _read_on(self) -> Iterator[pa.RecordBatch]:
        """Yield what is left from the row on at which this reader begins."""
        metadata, before = self._parquet.metadata, 0
        for number in range(metadata.num_row_groups):
            rows = metadata.row_group(number).num_rows
            if before + rows > self._row:
                skip = max(0, self._row - before)
                for batch in self._parquet.iter_batches(BATCH, row_groups=[number], use_threads=False):
                    if skip < batch.num_rows:
                        yield batch.slice(skip)
                    skip = max(0, skip - batch.num_rows)
            before += rows


def _values(arrow: Any, column: Any) -> list[Any]:
    """Return a column as JSON can have it; times as ISO 8601 in UTC, and what has no type of JSON as text."""
    from pyarrow import compute  # noqa: PLC0415

    types, kind = arrow.types, column.type
    if types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if types.is_timestamp(kind):
        # Arrow writes as many digits of a second as the type has, and takes times without a zone for UTC.
        exact = compute.cast(column, arrow.timestamp("us"), safe=False)
        column = compute.strftime(exact, format="%Y-%m-%dT%H:%M:%SZ")
    elif types.is_binary(kind) or types.is_large_binary(kind):
        column = compute.cast(column, arrow.string())  # which refuses what is not UTF-8
    elif not (types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_null(kind)):
        column = compute.cast(column, arrow.string())
    values: list[Any] = column.to_pylist()
    return values


@contextmanager
def _told() -> Iterator[None]:
    """Say in a sentence what Arrow cannot read."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield
    except MemoryError as error:  # Arrow's own is one
        raise Refused("The file takes too much memory when it is unpacked.") from error
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused(f"The file is no Parquet that can be read: {str(error)[:200]}") from error


@contextmanager
def _bounded() -> Iterator[None]:
    """Let this process grow by MAX_GROWTH at most meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = _address_space() + MAX_GROWTH
    if soft != resource.RLIM_INFINITY:
        bound = min(bound, soft)
    resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _address_space() -> int:
    return int(psutil.Process().memory_info().vms)
