"""Drain a buffer: read a chunk of its stream, judge it, store it, and only then let go of it.

This is the whole data path of the worker, in the order in which it happens:

    read (held, new, or left by the dead)  →  judge  →  make devices and days known  →  one transaction:
    rows, newest values, quarantine, ledger  →  XACK and XDEL  →  announce, keep some for trials

An entry that fails stays with this consumer, is tried again by its next drain or by whoever reclaims it, and does not
hold up the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, transaction

from ingest.envelope import VERSION, Batch
from validation import ledger, quarantine
from validation.announce import announce
from validation.ledger import Outcome
from validation.newest import stored_devices
from validation.recent import Keeper
from validation.streams import Entry, StreamReader
from validation.writing import Writer

log = logging.getLogger(__name__)

# Entries of a chunk. 16 full batches are 8,000 messages: enough to make the transaction's own cost vanish, and some
# tens of megabytes at the very most.
CHUNK = 16


class TakenElsewhere(Exception):
    """Another worker finished one of the entries in the meantime: look again which are left."""


class Drain:
    """What a worker process keeps between drains. One per process."""

    def __init__(self) -> None:
        self.writer = Writer()
        self.recent = Keeper()

    def run(self, reader: StreamReader, buffer: str, seconds: float) -> bool:
        """Drain until the stream has nothing for us or time is up; say whether there is more.

        Blocks for I/O. Raises what the database raises when it is away; the entries stay in the stream.
        """
        deadline = time.monotonic() + seconds
        for entries in reader.chunks(CHUNK):
            self._finish(reader, buffer, entries)
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
            log.exception(
                "the entry %s of buffer %s cannot be stored; it stays and is tried again", entries[0].name, buffer
            )
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
        batches = [entry.batch or _unreadable(entry) for entry in entries]
        judged = self.writer.judge(batches)
        with transaction.atomic():
            self.writer.write(judged, isolate=isolate)
            quarantine.keep(buffer, entries, judged.rejected, judged.model_ids)
            outcomes = [
                Outcome(entry.id, batch.minute, len(batch) if entry.batch else 0, readings, verdicts)
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


def _unreadable(entry: Entry) -> Batch:
    """Return an entry that is no batch as a message on no topic, so that it ends in quarantine and not in a loop."""
    came = entry.id[0]  # in milliseconds, by the clock of the buffer
    return Batch(VERSION, "unreadable", came // 60_000, [came / 1000], [b"unreadable"], [entry.raw])
