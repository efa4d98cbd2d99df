"""Drain a buffer: read a chunk of its stream, judge it, store it, and only then let go of it.

This is the whole data path of the worker, in the order in which it happens:

    read (held, new, or left by the dead)  →  judge  →  make devices and days known  →  one transaction:
    rows, newest values, quarantine, ledger  →  XACK and XDEL  →  announce

An entry that fails stays with this consumer, is tried again by its next drain or by whoever reclaims it, and does not
hold up the others.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import timedelta

from django.db import DataError, IntegrityError, InterfaceError, OperationalError, transaction

from ingest.devices import Registry
from ingest.envelope import Batch
from validation import ledger, quarantine
from validation.announce import announce
from validation.ledger import Outcome
from validation.moments import EPOCH
from validation.newest import stored_devices, update_latest
from validation.pipeline import Judgement, Rejected, Rows, judge
from validation.publishing import Published
from validation.spec import Reason
from validation.store import Columns, columns_of, insert, without
from validation.streams import Entry, StreamReader
from validation.tables import ensure_partitions, partitions

log = logging.getLogger(__name__)

# Entries of a chunk. 16 full batches are 8,000 messages: enough to make the transaction's own cost vanish, and some
# tens of megabytes at the very most.
CHUNK = 16


class TakenElsewhere(Exception):
    """Another worker finished one of the entries in the meantime: look again which are left."""


class Drain:
    """What a worker process keeps between drains: compiled models, device ids, known days. One per process."""

    def __init__(self) -> None:
        self.published = Published()
        self.registry = Registry()
        self.days: dict[str, set[int]] = {}

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
                self.registry.forget()
                self.days.clear()
        raise TakenElsewhere

    def _store(self, buffer: str, entries: Sequence[Entry], *, isolate: bool) -> None:
        batches = [entry.batch or _unreadable(entry) for entry in entries]
        judgement = judge(batches, self.published.catalog())
        parts = self._columns(judgement, batches)
        outcomes = [
            Outcome(entry.id, batch.minute, len(batch) if entry.batch else 0, readings)
            for entry, batch, readings in zip(entries, batches, judgement.readings, strict=True)
        ]
        with transaction.atomic():
            for place, columns in enumerate(parts):
                parts[place] = self._insert(columns, batches, judgement.rejected, outcomes, isolate=isolate)
            for rejected in judgement.rejected:
                outcomes[rejected.entry].quarantined += 1
            quarantine.keep(buffer, entries, judgement.rejected, self.published.model_ids)
            if not ledger.record(buffer, outcomes):
                raise TakenElsewhere
        for columns in parts:
            if len(columns):
                announce(columns.rows.model.spec.name, stored_devices(columns))

    def _columns(self, judgement: Judgement, batches: Sequence[Batch]) -> list[Columns]:
        """Return the rows as columns, models by name, with every device and every day they need in place."""
        parts = []
        for name in sorted(judgement.rows):
            rows = judgement.rows[name]
            ids = self.registry.ids(rows.devices, register=rows.model.spec.register_devices)
            rows = _of_known_devices(rows, ids, batches, judgement.rejected)
            if len(rows):
                columns = columns_of(rows, ids)
                self._ensure_days(name, columns.days)
                parts.append(columns)
        return parts

    def _ensure_days(self, model: str, days: set[int]) -> None:
        known = self.days.get(model)
        if known is None:
            known = self.days[model] = {(day - EPOCH.date()).days for day in partitions(model)}
        missing = days - known
        if missing:
            ensure_partitions(model, [EPOCH.date() + timedelta(days=day) for day in missing])
            known |= missing

    def _insert(
        self,
        columns: Columns,
        batches: Sequence[Batch],
        rejected: list[Rejected],
        outcomes: Sequence[Outcome],
        *,
        isolate: bool,
    ) -> Columns:
        """Insert one model's rows and return what is now in the table; what PostgreSQL refuses joins the rejected."""
        inserted = insert(columns, isolate=isolate)
        for (entry, _), count in inserted.duplicates.items():
            outcomes[entry].duplicate += count
        ledger.count_duplicates(inserted.duplicates, [outcome.minute for outcome in outcomes])
        for place, words in inserted.refused.items():
            source = int(columns.order[place])
            rejected.append(_rejected(columns.rows, source, batches, Reason("refused_by_table", "", words)))
        if inserted.refused:
            columns = without(columns, inserted.refused)
        if len(columns):
            update_latest(columns, self.published.model_ids[columns.rows.model.spec.name])
        return columns


def _of_known_devices(rows: Rows, ids: dict[str, int], batches: Sequence[Batch], rejected: list[Rejected]) -> Rows:
    """Return the rows whose devices are known; the others, of a model that registers none, join the rejected."""
    if all(device in ids for device in rows.devices):
        return rows
    known = Rows(rows.model)
    for source, device in enumerate(rows.devices):
        if device in ids:
            known.add(*rows.at(source))
        else:
            detail = f"The device {device!r} is not registered, and this model registers none by itself."
            rejected.append(_rejected(rows, source, batches, Reason("unknown_device", "", detail)))
    return known


def _rejected(rows: Rows, source: int, batches: Sequence[Batch], reason: Reason) -> Rejected:
    """Return a row as the rejected message that it came in, whole."""
    entry, position = rows.entries[source], rows.positions[source]
    batch = batches[entry]
    return Rejected(
        entry,
        position,
        rows.received[source],
        batch.topics[position],
        batch.payloads[position],
        [reason],
        rows.devices[source],
        rows.model,
    )


def _unreadable(entry: Entry) -> Batch:
    """Return an entry that is no batch as a message on no topic, so that it ends in quarantine and not in a loop."""
    now = time.time()
    return Batch(1, "unreadable", int(now // 60), [now], [b""], [entry.raw])
