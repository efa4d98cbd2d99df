"""From batches of messages to rows: what draining a buffer and replaying a quarantine have in common.

First everything that must not be rolled back: judge, register devices, make days. Then, inside the caller's
transaction: rows, newest values, and the count of what came again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from ingest.devices import Registry
from ingest.envelope import Batch
from validation import ledger, notes
from validation.catalog import Catalog
from validation.columns import Columns, columns_of, without
from validation.latest import update_latest
from validation.ledger import NO_MODEL, Tally, Verdicts, Version
from validation.models import ReadingNote
from validation.moments import EPOCH
from validation.pipeline import Judgement, Rejected, Rows, judge
from validation.publishing import Published
from validation.rollups import marks
from validation.spec import Reason
from validation.store import Inserted, Manner, insert_all
from validation.tables import ensure_partitions, partitions


@dataclass(slots=True)
class Judged:
    """Some batches and what was found: rejections, rows as columns, and by batch how many readings came to what.

    The verdicts are whole once `Writer.write` has returned, or at once when nothing is to be written.
    """

    batches: Sequence[Batch]
    judgement: Judgement
    model_ids: Mapping[str, int]
    parts: list[Columns] = field(default_factory=list)
    verdicts: list[Verdicts] = field(default_factory=list)

    @property
    def rejected(self) -> list[Rejected]:
        """Return what did not pass."""
        return self.judgement.rejected

    def version(self, item: Rejected) -> Version:
        """Return which version of which model rejected something."""
        return (self.model_ids[item.model.spec.name], item.model.version) if item.model else NO_MODEL

    def count_rejected(self) -> None:
        """Add the rejections to the verdicts."""
        for item in self.rejected:
            self.verdicts[item.entry][self.version(item)].quarantined += 1


class Writer:
    """What a process keeps between batches: compiled models, device ids, known days. Not for several threads."""

    def __init__(self) -> None:
        self.published = Published()
        self.registry = Registry()
        self.days: dict[str, set[int]] = {}

    def forget(self) -> None:
        """Look devices and days up anew: one of them may have gone since it was remembered."""
        self.registry.forget()
        self.days.clear()

    def judge(self, batches: Sequence[Batch]) -> Judged:
        """Judge batches, by one catalogue, and put every device and every day in place that their rows need."""
        judged = self._judged(batches, self.published.catalog())
        for name in sorted(judged.judgement.rows):
            rows = judged.judgement.rows[name]
            ids = self.registry.ids(rows.devices, register=rows.model.spec.register_devices)
            rows = _of_known_devices(rows, ids, judged)
            if len(rows):
                columns = columns_of(rows, ids)
                self._ensure_days(name, columns.days)
                judged.parts.append(columns)
        return judged

    def examine(self, batches: Sequence[Batch]) -> Judged:
        """Judge batches and change nothing. What came before cannot be known then, so no reading is a duplicate."""
        judged = self._judged(batches, self.published.catalog())
        for name, rows in judged.judgement.rows.items():
            if not rows.model.spec.register_devices:
                rows = _of_known_devices(rows, self.registry.ids(rows.devices, register=False), judged)
            version = judged.model_ids[name], rows.model.version
            for entry in rows.entries:
                judged.verdicts[entry][version].stored += 1
        judged.count_rejected()
        return judged

    def write(self, judged: Judged, manner: Manner) -> int:
        """Insert the rows, models by name, and move the newest values; what PostgreSQL refuses joins the rejected.

        Return how many newest values there were to move. Call it in a transaction. Raises what `insert` raises in that
        manner, and what the database raises otherwise.
        """
        duplicates: Counter[tuple[int, int]] = Counter()
        for place, (columns, inserted) in enumerate(zip(judged.parts, insert_all(judged.parts, manner), strict=True)):
            duplicates += inserted.duplicates
            judged.parts[place] = self._stored(columns, inserted, judged)
        stored = [(columns, judged.model_ids[columns.rows.model.spec.name]) for columns in judged.parts]
        moved = update_latest(stored)
        marks.mark_columns(stored)
        ledger.count_duplicates(duplicates, [batch.minute for batch in judged.batches])
        judged.count_rejected()
        return moved

    def _judged(self, batches: Sequence[Batch], catalog: Catalog) -> Judged:
        verdicts = [Verdicts() for _ in batches]
        return Judged(batches, judge(batches, catalog), self.published.model_ids, verdicts=verdicts)

    def _stored(self, columns: Columns, inserted: Inserted, judged: Judged) -> Columns:
        """Note what became of one model's rows, and return those that are now in the table."""
        before = columns
        for place, words in inserted.refused.items():
            reason = Reason("refused_by_table", "", words)
            judged.rejected.append(_rejected(columns.rows, int(columns.order[place]), judged.batches, reason))
        if inserted.refused:
            columns = without(columns, inserted.refused)
        model = columns.rows.model
        model_id = judged.model_ids[model.spec.name]
        notes.note(ReadingNote.Kind.REPEAT, before, inserted.again, model_id)
        again: Counter[int] = Counter()
        for (entry, _), count in inserted.duplicates.items():
            again[entry] += count
        # Lists, because single numbers of an array are slow, and a replay has an entry for each reading.
        for entry, there in enumerate(np.bincount(columns.entries, minlength=len(judged.batches)).tolist()):
            if there:
                found = Tally(stored=there - again[entry], duplicate=again[entry])
                judged.verdicts[entry][model_id, model.version].add(found)
        return columns

    def _ensure_days(self, model: str, days: set[int]) -> None:
        known = self.days.get(model)
        if known is None:
            known = self.days[model] = {(day - EPOCH.date()).days for day in partitions(model)}
        missing = days - known
        if missing:
            ensure_partitions(model, [EPOCH.date() + timedelta(days=day) for day in missing])
            known |= missing


def _of_known_devices(rows: Rows, ids: Mapping[str, int], judged: Judged) -> Rows:
    """Return the rows whose devices are known; the others, of a model that registers none, join the rejected."""
    if ids.keys() >= set(rows.devices):
        return rows
    known = Rows(rows.model)
    for source, device in enumerate(rows.devices):
        if device in ids:
            known.add(*rows.at(source))
        else:
            detail = f"The device {device!r} is not registered, and this model registers none by itself."
            reason = Reason("unknown_device", "", detail)
            judged.rejected.append(_rejected(rows, source, judged.batches, reason))
    return known


def _rejected(rows: Rows, source: int, batches: Sequence[Batch], reason: Reason) -> Rejected:
    """Return a row as the rejected reading that it came in as; of an array only its own bytes."""
    entry, position = rows.entries[source], rows.positions[source]
    batch = batches[entry]
    return Rejected(
        entry,
        position,
        rows.received[source],
        batch.topics[position],
        rows.raw(source, batch.payloads[position]),
        [reason],
        rows.devices[source],
        rows.model,
    )
