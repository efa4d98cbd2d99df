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
from validation.newest import stored_devices
from validation.recent import Keeper
from validation.streams import Entry, StreamReader, batch_in
from validation.suspects import Suspects
from validation.trails import pack
from validation.writing import Writer

log = logging.getLogger(__name__)

# Entries of a chunk. 16 full batches are 8,000 messages: enough to make the transaction's own cost vanish, and some
# tens of megabytes at the very most.
CHUNK = 16
# Seconds of a turn, at least, for entries that somebody has begun before: however much is new, they have their share.
LEFT_SECONDS = 2.0


class TakenElsewhere(Exception):
    """Another worker finished one of the entries in the meantime: look again which are left."""


class Drain:
    """What a worker process keeps between drains. One per process."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.recent = Keeper()
        self.suspects = Suspects(self.writer, self.store)

    def run(self, reader: StreamReader, buffer: str, seconds: float) -> bool:
        """Drain until the stream has nothing for us or time is up; say whether there is more.

        Blocks for I/O. Raises what the database raises when it is away; the entries stay in the stream.
        """
        deadline = time.monotonic() + seconds
        more = False
        while not more and (entries := reader.new(CHUNK)):
            self._finish(reader, buffer, entries)
            more = time.monotonic() >= deadline
        return self._go_over_what_is_left(reader, buffer, LEFT_SECONDS) or more

    def _go_over_what_is_left(self, reader: StreamReader, buffer: str, seconds: float) -> bool:
        """Try each entry that was begun and not finished; say whether time was up before all had their turn."""
        deadline = time.monotonic() + seconds
        for entries in reader.left(CHUNK):
            for entry in self.suspects.in_order(reader.client, entries):
                self.suspects.settle(reader, buffer, entry)
                if time.monotonic() >= deadline:
                    return True
        return False

    def _finish(self, reader: StreamReader, buffer: str, entries: Sequence[Entry]) -> None:
        """Store some entries and let go of them. One that cannot be stored stays, and does not hold up the others."""
        try:
            self.store(buffer, entries)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            if len(entries) > 1:
                for entry in entries:
                    self._finish(reader, buffer, [entry])
                return
            log.exception("the entry %s of buffer %s cannot be stored; it is tried again", entries[0].name, buffer)
            return
        reader.finish(entries)

    def store(self, buffer: str, entries: Sequence[Entry]) -> None:
        """Store the outcome of some entries, leaving out those that have one. Raises what the database raises."""
        for isolate in (False, True):
            done = ledger.done(buffer, [entry.id for entry in entries])
            left = [entry for entry in entries if entry.id not in done]
            if not left:
                return
            try:
                self._store(buffer, left, isolate=isolate)
                return
            except TakenElsewhere:
                continue
            except (DataError, IntegrityError) as error:
                if isolate:
                    raise
                # A device or a day may have gone since it was remembered; or PostgreSQL refuses a row.
                log.warning("storing row by row what could not be stored at once: %s", error)
                self.writer.forget()
        raise TakenElsewhere

    def _store(self, buffer: str, entries: Sequence[Entry], *, isolate: bool) -> None:
        batches = [batch_in(entry) for entry in entries]
        judged = self.writer.judge(batches)
        with transaction.atomic():
            self.writer.write(judged, isolate=isolate)
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
        for columns in judged.parts:
            if len(columns):
                announce(columns.rows.model.spec.name, stored_devices(columns))
        self.recent.keep(judged.judgement, batches)
