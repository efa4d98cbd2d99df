"""Which stream entry brought a reading: the trail that an entry leaves in the ledger, and how to find it again.

A row has no column for its entry, which would cost eight bytes a reading for ever. It has the moment of receipt, to the
microsecond, and a bridge reads its socket at so few moments a second that these tell the entries apart. So an entry's
row keeps them: 4 bytes for each moment at which something was received, however many readings came at it. When entries
are folded, what is left of them is packed into a row of the minute (LedgerTrail) and kept for KEEP_DAYS.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from validation.moments import moment
from validation.streams import EntryId

KEEP_DAYS = 7
MAX_SOURCE = 60  # bytes of a bridge's name
# Minutes, from that of receipt on, under which a batch may be counted: it is closed at most a blink later. A bridge
# whose clock was set back goes on counting under the newest minute that it has seen.
LATER = 15
ENTRY = struct.Struct(">qqqi")  # of a packed entry: its id, when it was judged (µs since 1970), the bytes of its trail
FIRST = struct.Struct(">q")  # of a trail, after the source and its length: the earliest moment (µs since 1970)
DELTAS = np.dtype(">u4")  # and then the later ones, as microseconds after it: 71 minutes at most


class Trail(NamedTuple):
    """An entry that may have brought a reading. `source` is the bridge, or "http"; "" when it was not kept."""

    buffer: str
    id: EntryId
    minute: int
    source: str
    judged_at: datetime

    @property
    def entry(self) -> str:
        """Return the entry's id as Redis writes it."""
        return f"{self.id[0]}-{self.id[1]}"


def pack(source: str, received: Sequence[float]) -> bytes:
    """Return the trail of a batch: who received it, and at which moments (seconds since 1970)."""
    name = source.encode("utf-8", "replace")[:MAX_SOURCE]
    # A bridge reads at few moments, so a set of them is smaller, and faster, than an array of all.
    micros = np.unique((np.array(list(set(received))) * 1e6).round().astype(np.int64))
    deltas = micros[1:] - micros[0]
    later = deltas[deltas < 2**32].astype(DELTAS)
    return b"".join((bytes([len(name)]), name, FIRST.pack(int(micros[0])), later.tobytes()))


def unpack(trail: bytes) -> tuple[str, NDArray[np.int64]]:
    """Return what `pack` was given: the source, and the moments in microseconds since 1970."""
    if not trail:  # an entry of before trails were kept
        return "", np.array([], dtype=np.int64)
    start = 1 + trail[0]
    first = FIRST.unpack_from(trail, start)[0]
    deltas = np.frombuffer(trail, DELTAS, offset=start + FIRST.size).astype(np.int64)
    return trail[1:start].decode("utf-8", "replace"), np.concatenate([[first], first + deltas])


def find(received: int) -> list[Trail]:
    """Return the entries that hold something received at a moment (microseconds since 1970); mostly one.

    More than one when two bridges read their sockets in the same microsecond, or when the ring has the batch twice.
    """
    first = received // 60_000_000
    return [
        found
        for found, moments in (*_single(first, first + LATER), *_folded(first, first + LATER))
        if received in moments
    ]


def keeps(received: int, now: float) -> bool:
    """Tell whether the trail of something received then is still kept."""
    return received / 1e6 > now - KEEP_DAYS * 86_400


def prune(now: float) -> int:
    """Delete what is older than KEEP_DAYS; return how many minutes that were."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM validation_ledgertrail WHERE minute < %s", [int(now // 60) - KEEP_DAYS * 1440])
        return int(cursor.rowcount)


def _single(first: int, last: int) -> Iterator[tuple[Trail, NDArray[np.int64]]]:
    """Yield the entries of some minutes that have a row of their own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT buffer, entry_ms, entry_seq, minute, judged_at, trail FROM validation_ledgerentry "
            "WHERE minute BETWEEN %s AND %s ORDER BY entry_ms, entry_seq",
            [first, last],
        )
        for buffer, ms, seq, minute, judged_at, trail in cursor.fetchall():
            source, moments = unpack(bytes(trail))
            yield Trail(buffer, (ms, seq), minute, source, judged_at), moments


def _folded(first: int, last: int) -> Iterator[tuple[Trail, NDArray[np.int64]]]:
    """Yield the entries of some minutes that were folded."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT buffer, minute, entries FROM validation_ledgertrail WHERE minute BETWEEN %s AND %s "
            "ORDER BY minute, buffer",
            [first, last],
        )
        for buffer, minute, packed in cursor.fetchall():
            data, place = bytes(packed), 0
            while place < len(data):
                ms, seq, judged, size = ENTRY.unpack_from(data, place)
                place += ENTRY.size
                source, moments = unpack(data[place : place + size])
                place += size
                yield Trail(buffer, (ms, seq), minute, source, moment(judged)), moments
