"""Read InfluxDB line protocol: a measurement with tags, its fields, and a time in nanoseconds.

Lines of other measurements are left out and counted. Tags and fields are columns alike; where both have a name, the
field counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO

from line_protocol_parser import LineFormatError, parse_line

from validation.imports.reader import SAMPLE, Piece, Position, Skipped
from validation.imports.records import Records

TIME = "time"


class LineFile:
    """An open file of line protocol."""

    typed = True

    def __init__(self, file: BinaryIO, position: Position, measurement: str, wanted: Sequence[str]) -> None:
        """`wanted` are the tags and fields to read; every other one is passed over."""
        self._file, self._measurement = file, measurement
        self.columns = [TIME, *(name for name in wanted if name != TIME)]
        self._records = Records(file, position.offset, quotes=False)
        self._row = position.row

    def next(self) -> Piece | None:
        """Return the next rows."""
        block = self._records.next()
        if block is None:
            return None
        rows, skipped = [], block.skipped
        for record in block.records:
            line = record.strip()
            row = self._read(line) if line else None
            if isinstance(row, Skipped):
                skipped.append(row)
            elif row is not None:
                rows.append(row)
        self._row += len(rows) + len(skipped)
        columns = [list(column) for column in zip(*rows, strict=True)] if rows else []
        return Piece(columns, Position(block.end, self._row), skipped)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self, line: bytes) -> list[Any] | Skipped | None:
        try:
            found = parse_line(line.decode())
        except UnicodeDecodeError as error:
            return Skipped("not_utf8", f"The line is not UTF-8 from its byte {error.start} on.", line[:SAMPLE])
        except (LineFormatError, ValueError, OverflowError) as error:
            return Skipped("line", f"The line cannot be read: {error}.", line[:SAMPLE])
        if found is None:  # a comment
            return None
        if found["measurement"] != self._measurement:
            return Skipped("measurement", f"The line is not of the measurement {self._measurement}.", line[:SAMPLE])
        values = {**found["tags"], **found["fields"], TIME: found["time"]}
        return [values.get(name) for name in self.columns]
