"""Read CSV as this software writes it, and as most others do: UTF-8, headings in the first row.

An empty cell is nothing, and a pair of quotes an empty text. Python's own reader is fast and does not tell the two
apart, so it reads blocks without such a pair, and what it stumbles over is read again here, record by record: one that
is no row is left out, with its reason, and the others are not.
"""

from __future__ import annotations

import csv
import io
import re
from typing import BinaryIO

from validation.imports.reader import MAX_COLUMNS, SAMPLE, Piece, Position, Refused, Skipped
from validation.imports.records import Records

DELIMITERS = (",", ";", "\t")
UTF_8_MARK, UTF_16_MARKS = b"\xef\xbb\xbf", (b"\xff\xfe", b"\xfe\xff")


class DelimitedFile:
    """An open CSV file."""

    typed = False

    def __init__(self, file: BinaryIO, position: Position) -> None:
        """Read the headings. Raises Refused."""
        self._file = file
        file.seek(0)
        if file.read(2) in UTF_16_MARKS:
            raise Refused("The file is UTF-16; save it as UTF-8.")
        heads = Records(file, 0, quotes=True).next(1)
        if heads is None or not heads.records:
            raise Refused("The file has no headings in its first row." if heads else "The file is empty.")
        self.columns, self._delimiter = _headings(heads.records[0])
        self._row = position.row
        self._records = Records(file, max(position.offset, heads.end), quotes=True)
        delimiter = re.escape(self._delimiter)
        self._empty_text = re.compile(rf'(?:^|[{delimiter}\n])""(?:[{delimiter}\r\n]|$)')

    def next(self) -> Piece | None:
        """Return the next rows."""
        block = self._records.next()
        if block is None:
            return None
        columns, skipped = self._fast(block.records), block.skipped
        if columns is None:
            rows = self._one_by_one(block.records, skipped)
            columns = [list(column) for column in zip(*rows, strict=True)]
        self._row += (len(columns[0]) if columns else 0) + len(skipped)
        return Piece(columns, Position(block.end, self._row), skipped)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _fast(self, records: list[bytes]) -> list[list[str | None]] | None:
        """Return the columns of some records; None where anything is unusual."""
        try:
            text = b"".join(records).decode()
            if '""' in text and self._empty_text.search(text):
                return None
            found = list(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error):
            return None
        width = len(self.columns)
        if len(found) != len(records) or any(len(row) != width for row in found):
            return None
        return [
            [cell or None for cell in column] if "" in column else list(column) for column in zip(*found, strict=True)
        ]

    def _one_by_one(self, records: list[bytes], skipped: list[Skipped]) -> list[list[str | None]]:
        rows = []
        for record in records:
            line = record.removesuffix(b"\n").removesuffix(b"\r")
            if not line:
                continue
            row = self._read(line)
            if isinstance(row, Skipped):
                skipped.append(row)
            else:
                rows.append(row)
        return rows

    def _read(self, line: bytes) -> list[str | None] | Skipped:
        try:
            cells = cells_of(line.decode(), self._delimiter)
        except UnicodeDecodeError as error:
            return Skipped("not_utf8", f"The row is not UTF-8 from its byte {error.start} on.", line[:SAMPLE])
        if cells is None:
            return Skipped("quotes", "The quotes of the row do not match.", line[:SAMPLE])
        if len(cells) != len(self.columns):
            detail = f"The row has {len(cells):,} cells, and there are {len(self.columns):,} headings."
            return Skipped("cells", detail, line[:SAMPLE])
        return cells


def cells_of(line: str, delimiter: str) -> list[str | None] | None:
    """Return the cells of a row, None for an empty one without quotes; None when its quotes do not match. Pure."""
    cells: list[str | None] = []
    place = 0
    while True:
        if line.startswith('"', place):
            end = _closing_quote(line, place + 1)
            if end < 0 or line[end + 1 : end + 2] not in ("", delimiter):
                return None
            cells.append(line[place + 1 : end].replace('""', '"'))
            place = end + 1
        else:
            end = line.find(delimiter, place)
            cells.append(line[place : end if end >= 0 else len(line)] or None)
            place = end if end >= 0 else len(line)
        if place >= len(line):
            return cells
        place += 1  # over the delimiter, after which there is one cell more


def _closing_quote(line: str, place: int) -> int:
    while True:
        end = line.find('"', place)
        if end < 0 or line[end + 1 : end + 2] != '"':
            return end
        place = end + 2


def _headings(record: bytes) -> tuple[list[str], str]:
    """Return the headings and what stands between them: of the usual characters the one that there are most of."""
    try:
        line = record.removeprefix(UTF_8_MARK).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise Refused("The headings are not UTF-8; save the file as UTF-8.") from error
    delimiter = max(DELIMITERS, key=line.count)
    cells = cells_of(line, delimiter)
    if cells is None:
        raise Refused("The quotes of the headings do not match.")
    names = [(cell or "").strip() for cell in cells]
    if len(names) > MAX_COLUMNS:
        raise Refused(f"The file has {len(names):,} columns; {MAX_COLUMNS:,} can be read.")
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise Refused(f"Two columns have the heading {twice[:80]!r}.")
    return names, delimiter
