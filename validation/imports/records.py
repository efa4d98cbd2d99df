"""Cut a text file into records without ever holding more than a few megabytes of it.

A record ends at a line feed that is not within quotes. One that is longer than MAX_RECORD is left out up to its next
line feed, whatever its quotes say: a quote that somebody forgot must not swallow the rest of the file.
"""

from __future__ import annotations

from itertools import pairwise
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from validation.imports.reader import MAX_RECORD, MAX_ROWS, SAMPLE, Skipped

CHUNK = 1024 * 1024  # bytes that are read at once
MAX_BLOCK = 4 * 1024 * 1024  # bytes of records in a block; an envelope holds no more
QUOTE, LINE_FEED = ord('"'), ord("\n")


class Block(NamedTuple):
    """Whole records: each as its bytes with its line feed, and the offset of what follows them."""

    records: list[bytes]
    end: int
    skipped: list[Skipped]


class Records:
    """Reads the records of a file from an offset on."""

    def __init__(self, file: BinaryIO, offset: int, *, quotes: bool) -> None:
        """`quotes` says whether a record may go over several lines within them."""
        file.seek(offset)
        self._file, self._quotes = file, quotes
        self._buffer, self._start = b"", offset  # what is read and not given yet, and where in the file it begins
        self._ends: NDArray[np.intp] = np.empty(0, dtype=np.intp)  # of the records in the buffer
        self._given = 0  # of those
        self._at_end = False
        self._skipped: list[Skipped] = []

    def next(self, limit: int = MAX_ROWS) -> Block | None:
        """Return up to `limit` records, None at the end of the file."""
        while self._given >= len(self._ends) and not self._at_end:
            self._fill()
        bounds = self._bounds(limit)
        if len(bounds) < 2 and not self._skipped:
            return None
        records = [self._buffer[a:b] for a, b in pairwise(bounds)]
        self._given += len(records)
        skipped, self._skipped = self._skipped, []
        skipped += [_too_long(record) for record in records if len(record) > MAX_RECORD]
        short = [record for record in records if len(record) <= MAX_RECORD] if skipped else records
        return Block(short, self._start + bounds[-1], skipped)

    def _bounds(self, limit: int) -> list[int]:
        """Return where the next records begin, and where the last one ends."""
        first = int(self._ends[self._given - 1]) if self._given else 0
        ends: list[int] = self._ends[self._given : self._given + limit].tolist()
        bounds = [first]
        for end in ends:
            if len(bounds) > 1 and end - first > MAX_BLOCK:
                break
            bounds.append(end)
        return bounds

    def _fill(self) -> None:
        """Read on, and find where records end."""
        done = int(self._ends[-1]) if len(self._ends) else 0
        self._buffer, self._start = self._buffer[done:], self._start + done
        more = self._file.read(CHUNK)
        self._buffer += more
        self._ends, self._given = self._found(), 0
        if not more:
            self._at_end = True
            if self._buffer and not len(self._ends):
                self._ends = np.array([len(self._buffer)], dtype=np.intp)  # the last line has no line feed
            elif len(self._ends) and self._ends[-1] < len(self._buffer):
                self._ends = np.append(self._ends, len(self._buffer))
        self._leave_out_what_is_too_long()

    def _found(self) -> NDArray[np.intp]:
        data = np.frombuffer(self._buffer, dtype=np.uint8)
        feeds = np.flatnonzero(data == LINE_FEED)
        if self._quotes and b'"' in self._buffer:
            # Whether a count is even is all that matters, so it may overflow.
            inside = np.cumsum(data == QUOTE, dtype=np.uint8) & 1
            feeds = feeds[inside[feeds] == 0]
        return feeds + 1

    def _leave_out_what_is_too_long(self) -> None:
        """Drop a record at the front that is too long, and look for the ends of those after it anew."""
        while self._buffer:
            length = int(self._ends[0]) if len(self._ends) else len(self._buffer)
            if length <= MAX_RECORD:
                return
            self._skipped.append(_too_long(self._buffer))
            self._drop_line()
            self._ends = self._found()
            if self._at_end and self._buffer and (not len(self._ends) or self._ends[-1] < len(self._buffer)):
                self._ends = np.append(self._ends, len(self._buffer))

    def _drop_line(self) -> None:
        """Go on after the next line feed, however far that is."""
        while True:
            place = self._buffer.find(b"\n")
            if place >= 0:
                self._buffer, self._start = self._buffer[place + 1 :], self._start + place + 1
                return
            self._start += len(self._buffer)
            self._buffer = self._file.read(CHUNK)
            if not self._buffer:
                self._at_end = True
                return


def _too_long(record: bytes) -> Skipped:
    detail = f"A row of more than {MAX_RECORD:,} bytes, or one with a quote that is not closed."
    return Skipped("too_long", detail, record[:SAMPLE])
