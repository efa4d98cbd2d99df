"""Make Parquet of an export's CSV, some ten thousand rows at a time.

PostgreSQL writes CSV faster than anything here could take its rows apart, and Arrow reads it with all types at full
precision. So memory holds one group of rows, whatever the size of the file.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from validation.exports.columns import Holds, columns_of
from validation.exports.query import RowsQuery

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_BYTES = 8 * 1024 * 1024  # of CSV in a group of rows: 80,000 rows of four values
COMPRESSION = "zstd"


def to_parquet(query: RowsQuery, blocks: Iterable[bytes]) -> Generator[bytes]:
    """Yield a Parquet file, a group of rows at a time, of blocks of CSV whose texts are not guarded.

    Times are microseconds in UTC. Raises what `blocks` raises; what was yielded until then is no Parquet file.
    """
    # Arrow takes 40 MB and a quarter of a second to load, which only those pay who want Parquet.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = _Sink()
    schema = pa.schema([(column.name, _type(column.holds)) for column in columns_of(query)])
    with pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression=COMPRESSION) as writer:
        for group in _groups(blocks):
            writer.write_table(_table(group, schema))
            yield sink.taken()
    yield sink.taken()


def _groups(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the rows without their headings, as many at once as make a group."""
    iterator = iter(blocks)
    next(iterator)
    parts: list[bytes] = []
    size = 0
    for block in iterator:
        if block:
            parts.append(block)
            size += len(block)
        if size >= GROUP_BYTES:
            yield b"".join(parts)
            parts.clear()
            size = 0
    if parts:
        yield b"".join(parts)


def _table(group: bytes, schema: pa.Schema) -> pa.Table:
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    return csv.read_csv(
        io.BytesIO(group),
        csv.ReadOptions(column_names=schema.names, use_threads=False, block_size=len(group) + 1),
        csv.ParseOptions(newlines_in_values=True),
        csv.ConvertOptions(
            column_types=schema,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,  # "" is an empty text, and nothing between commas is nothing
            timestamp_parsers=[csv.ISO8601],
        ),
    ).cast(pa.schema(schema))


def _type(holds: Holds) -> Any:
    import pyarrow as pa  # noqa: PLC0415

    types = {"time": pa.timestamp("us", tz="UTC"), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    return types.get(holds, pa.string())


class _Sink(io.RawIOBase):
    """Take what a writer writes, and hand it on."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        part = bytes(data)
        self._parts.append(part)
        return len(part)

    def taken(self) -> bytes:
        """Return what has been written since the last time."""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole
