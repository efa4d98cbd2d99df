"""The books: received = stored + duplicate + quarantined + in flight, exactly, at any time, through `kill -9`.

Two counts are kept apart, each in the transaction that makes it true. A buffer counts the messages it takes, together
with the append (`dataflow:received`, by minute). PostgreSQL counts the outcomes of a stream entry, together with the
rows, under the entry's own id; so an entry that is judged again changes nothing. `validation.audit` compares the two.

An entry's row also says which version of which model judged how many of its readings, and how (its verdicts). Old
entries are folded into sums of a minute (`validation.settling`). A quarantined reading that is judged again moves from
one outcome to another (`validation.moves`), wherever its entry is counted by then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import msgspec
from django.db import connection

from validation.streams import EntryId

Version = tuple[int, int]  # of a model: its id and the version's number; 0, 0 for topics of no model
NO_MODEL: Version = (0, 0)


@dataclass(slots=True)
class Tally:
    """Readings by outcome."""

    stored: int = 0
    duplicate: int = 0
    quarantined: int = 0

    def __bool__(self) -> bool:
        return bool(self.stored or self.duplicate or self.quarantined)

    def add(self, other: Tally) -> None:
        """Add another tally."""
        self.stored += other.stored
        self.duplicate += other.duplicate
        self.quarantined += other.quarantined


class Verdicts(defaultdict[Version, Tally]):
    """What each version of a model found in some readings."""

    def __init__(self) -> None:
        super().__init__(Tally)

    @property
    def total(self) -> Tally:
        """Return the readings of all versions."""
        total = Tally()
        for tally in self.values():
            total.add(tally)
        return total

    @classmethod
    def of(cls, rows: Iterable[Sequence[int]]) -> Self:
        """Return what `rows` wrote."""
        verdicts = cls()
        for model, version, *counts in rows:
            verdicts[model, version].add(Tally(*counts))
        return verdicts

    def rows(self) -> list[list[int]]:
        """Return them as `LedgerEntry.verdicts` has them, models and versions in order."""
        return [
            [*version, tally.stored, tally.duplicate, tally.quarantined]
            for version, tally in sorted(self.items(), key=lambda item: item[0])
            if tally
        ]


@dataclass(slots=True)
class Outcome:
    """What became of one stream entry. `messages` is what the buffer counted; an array message is many readings."""

    id: EntryId
    minute: int
    messages: int
    readings: int
    verdicts: Verdicts = field(default_factory=Verdicts)
    trail: bytes = b""  # of `validation.trails`


def done(buffer: str, ids: Sequence[EntryId]) -> set[EntryId]:
    """Return which of some entries have an outcome already."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT l.entry_ms, l.entry_seq FROM validation_ledgerentry l "
            "JOIN unnest(%s::bigint[], %s::bigint[]) AS asked (ms, seq) "
            "ON l.entry_ms = asked.ms AND l.entry_seq = asked.seq WHERE l.buffer = %s",
            [[ms for ms, _ in ids], [seq for _, seq in ids], buffer],
        )
        return {(ms, seq) for ms, seq in cursor.fetchall()}


def record(buffer: str, outcomes: Sequence[Outcome]) -> bool:
    """Write the outcomes of some entries; say False when one of them has an outcome already.

    Call it last in the transaction that stores the rows, and roll that back on False. Blocks while another worker's
    transaction holds one of the entries. PostgreSQL refuses an outcome whose verdicts are not as many as its readings.
    """
    totals = [outcome.verdicts.total for outcome in outcomes]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_ledgerentry "
            "(buffer, entry_ms, entry_seq, minute, messages, readings, stored, duplicate, quarantined, verdicts, "
            "trail) "
            "SELECT %s, ms, seq, minute, messages, readings, stored, duplicate, quarantined, verdicts::jsonb, trail "
            "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::int[], %s::int[], "
            "%s::int[], %s::text[], %s::bytea[]) "
            "AS o (ms, seq, minute, messages, readings, stored, duplicate, quarantined, verdicts, trail) "
            "ON CONFLICT DO NOTHING",
            [
                buffer,
                [outcome.id[0] for outcome in outcomes],
                [outcome.id[1] for outcome in outcomes],
                [outcome.minute for outcome in outcomes],
                [outcome.messages for outcome in outcomes],
                [outcome.readings for outcome in outcomes],
                [total.stored for total in totals],
                [total.duplicate for total in totals],
                [total.quarantined for total in totals],
                [msgspec.json.encode(outcome.verdicts.rows()).decode() for outcome in outcomes],
                [outcome.trail for outcome in outcomes],
            ],
        )
        return bool(cursor.rowcount == len(outcomes))


def count_duplicates(duplicates: Mapping[tuple[int, int], int], minutes: Sequence[int]) -> None:
    """Add to each device's count of readings that came again; `duplicates` by (entry, device), `minutes` by entry.

    Call it once in a transaction: rows are locked in their order, so that two workers cannot wait for each other.
    """
    sums: Counter[tuple[int, int]] = Counter()
    for (entry, device), count in duplicates.items():
        if count:
            sums[device, minutes[entry]] += count
    if not sums:
        return
    ordered = sorted(sums.items())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO validation_duplicate AS d (device_id, minute, count) "
            "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) "
            "ON CONFLICT (device_id, minute) DO UPDATE SET count = d.count + excluded.count",
            [
                [device for (device, _), _ in ordered],
                [minute for (_, minute), _ in ordered],
                [count for _, count in ordered],
            ],
        )
