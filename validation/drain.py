"""Drain a buffer: read a chunk of its stream, judge it, store it, and only then let go of it.

This is the whole data path of the worker, in the order in which it happens:

    read (new, then what was left over)  →  judge  →  make devices and days known  →  one transaction:
    rows, newest values, quarantine, ledger  →  XDEL and XACK  →  announce, keep some for trials

An entry that fails, or whose worker dies, does not hold up the others: it is tried again after what is new, alone
(`validation.suspects`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, transaction

from validation import ledger, quarantine
from validation.announce import announce
from validation.ledger import Outcome
from validation.pace import is_wide, rows_of
from validation.recent import Keeper
from validation.store import Manner, SomeStored
from validation.streams import Entry, StreamReader, batch_in
from validation.suspects import Suspects
from validation.trails import pack
from validation.writing import Writer

log = logging.getLogger(__name__)

# Entries that are read at once. 16 full batches are 8,000 messages: enough to make the transaction's own cost vanish,
# and some tens of megabytes at the very most. A chunk is one such read; several, up to so many entries and bytes, where
# it is of many devices or models (`validation.pace`).
CHUNK, WIDE_CHUNK, WIDE_CHUNK_BYTES = 16, 64, 8 * 1024 * 1024
# Seconds of a turn, at least, for entries that somebody has begun before: however much is new, they have their share.
LEFT_SECONDS = 2.0
# Seconds until a buffer is asked again whether somebody left entries behind, after there were none.
LEFT_EVERY_S = 1.0
# Chunks that are expected to hold readings again after one that did: what is sent again seldom comes alone.
WARY = 16
# Attempts at a chunk: as it is, telling what came again, row by row, and once more when somebody was faster.
ATTEMPTS = 4


class TakenElsewhere(Exception):
    """Another worker finished one of the entries in the meantime: look again which are left."""


class Drain:
    """What a worker process keeps between drains. One per process."""

    def __init__(self, left_every_s: float = LEFT_EVERY_S) -> None:
        self.writer = Writer()
        self.recent = Keeper()
        self.suspects = Suspects(self.writer, self.store)
        self._left_every_s = left_every_s
        self._nothing_left: dict[str, float] = {}  # by buffer, when nothing was found to be left behind
        self._wary = 0
        self._is_wide = False
        self.messages = 0  # that the last run stored, but for what had been left behind
        self.rows = 0  # what it did once a chunk, see `validation.pace`

    def run(self, reader: StreamReader, buffer: str, seconds: float) -> bool:
        """Drain until the stream has nothing for us or time is up; say whether there is more.

        Blocks for I/O. Raises what the database raises when it is away; the entries stay in the stream.
        """
        deadline = time.monotonic() + seconds
        more, well = True, True
        self.messages = self.rows = 0
        # A read that is not full was the last one: whoever appends after it wakes somebody.
        while more and time.monotonic() < deadline:
            entries, more = self._next_chunk(reader)
            well = self._finish(reader, buffer, entries) and well
        if well and time.monotonic() - self._nothing_left.get(buffer, -LEFT_EVERY_S) < self._left_every_s:
            return more
        return self._go_over_what_is_left(reader, buffer, LEFT_SECONDS) or more

    def _next_chunk(self, reader: StreamReader) -> tuple[list[Entry], bool]:
        """Read what is stored at once; say whether there may be more."""
        entries = some = reader.new(CHUNK)
        while self._is_wide and len(some) == CHUNK and _has_room(entries):
            some = reader.new(CHUNK)
            entries = entries + some
        return entries, len(some) == CHUNK

    def _go_over_what_is_left(self, reader: StreamReader, buffer: str, seconds: float) -> bool:
        """Try each entry that was begun and not finished; say whether time was up before all had their turn."""
        deadline = time.monotonic() + seconds
        self._nothing_left.pop(buffer, None)
        began = False
        for entries in reader.left(CHUNK):
            began = True
            for entry in self.suspects.in_order(reader.client, entries):
                self.suspects.settle(reader, buffer, entry)
                if time.monotonic() >= deadline:
                    return True
        if not began:
            self._nothing_left[buffer] = time.monotonic()
        return False

    def _finish(self, reader: StreamReader, buffer: str, entries: Sequence[Entry]) -> bool:
        """Store some entries and let go of them. One that cannot be stored stays, and does not hold up the others.

        Say whether all were stored.
        """
        if not entries:
            return True
        try:
            self.store(buffer, entries, new=True)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(entries) > 1:
                stored = [self._finish(reader, buffer, [entry]) for entry in entries]
                return all(stored)
            log.exception("the entry %s of buffer %s cannot be stored; it is tried again", entries[0].name, buffer)
            return False
        reader.finish(entries)
        self.messages += sum(len(entry.batch) for entry in entries if entry.batch)
        return True

    def store(self, buffer: str, entries: Sequence[Entry], *, new: bool = False) -> None:
        """Store the outcome of some entries, leaving out those that have one. Raises what the database raises.

        Entries that are `new` to all workers are expected to have none, and to bring nothing that was stored before:
        only when that turns out to be wrong it is looked into, which costs PostgreSQL half as much again.
        """
        left, manner = list(entries), Manner.TELLING if self._wary else Manner.NEW
        self._wary = max(0, self._wary - 1)
        for attempt in range(ATTEMPTS):
            if attempt or not new:
                done = ledger.done(buffer, [entry.id for entry in entries])
                left = [entry for entry in entries if entry.id not in done]
            if not left:
                return
            try:
                self._store(buffer, left, manner)
                return
            except TakenElsewhere:
                continue
            except SomeStored:
                manner, self._wary = Manner.TELLING, WARY
            except (DataError, IntegrityError) as error:
                if manner is Manner.ISOLATED:
                    raise
                # A device or a day may have gone since it was remembered; or PostgreSQL refuses a row.
                log.warning("storing row by row what could not be stored at once: %s", error)
                self.writer.forget()
                manner = Manner.ISOLATED
        raise TakenElsewhere

    def _store(self, buffer: str, entries: Sequence[Entry], manner: Manner) -> None:
        batches = [batch_in(entry) for entry in entries]
        judged = self.writer.judge(batches)
        with transaction.atomic():
            moved = self.writer.write(judged, manner)
            quarantine.keep(buffer, entries, judged.rejected, judged.model_ids)
            outcomes = [
                Outcome(
                    entry.id,
                    batch.minute,
                    len(batch) if entry.batch else 0,
                    readings,
                    verdicts,
                    pack(batch.source, batch.received),
                )
                for entry, batch, readings, verdicts in zip(
                    entries, batches, judged.judgement.readings, judged.verdicts, strict=True
                )
            ]
            if not ledger.record(buffer, outcomes):
                raise TakenElsewhere
        rows = rows_of(moved, len(judged.parts))
        self.rows += rows
        self._is_wide = is_wide(sum(map(len, batches)), rows)
        for columns in judged.parts:
            announce(columns)
        self.recent.keep(judged.judgement, batches)


def _has_room(entries: Sequence[Entry]) -> bool:
    """Tell whether a wide chunk may have another read after these entries."""
    size = sum(sum(map(len, entry.batch.payloads)) for entry in entries if entry.batch)
    return len(entries) < WIDE_CHUNK and size < WIDE_CHUNK_BYTES
