"""Move readings in the books from quarantined to what they are found to be when they are judged again."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import msgspec
from django.db import connection
from django.db.backends.utils import CursorWrapper

from validation.ledger import Tally, Verdicts, Version
from validation.streams import EntryId, entry_id

Key = tuple[str, EntryId]  # of an entry's row: buffer and id


class Moves:
    """Quarantined readings that were judged again, collected by the stream entry that brought them."""

    def __init__(self) -> None:
        self._changes: dict[tuple[str, str], tuple[int, Verdicts]] = {}

    def add(self, buffer: str, entry: str, minute: int, before: Version, refused: int, found: Verdicts) -> None:
        """Add some readings: where they came in, who had refused them and how many, and what is found now.

        That are more than were refused when an array had been kept whole.
        """
        change = self._changes.get((buffer, entry))
        if change is None:
            change = self._changes[buffer, entry] = minute, Verdicts()
        for version, tally in found.items():
            change[1][version].add(tally)
        change[1][before].quarantined -= refused

    def write(self) -> None:
        """Move the readings in the books, in the transaction that makes it so. Raises what the database raises.

        Call it last: until that transaction ends nobody settles these buffers or moves readings of theirs. An entry's
        own row is changed where it still is; what was folded is changed in the sums of its minute.
        """
        changes = {
            (buffer, entry_id(entry)): change for (buffer, entry), change in self._changes.items() if change[1].rows()
        }
        if not changes:
            return
        with connection.cursor() as cursor:
            _keep_from_settling(cursor, sorted({buffer for buffer, _ in changes}))
            single = _verdicts_of(cursor, list(changes))
            _change_entries(cursor, {key: (single[key], changes[key][1]) for key in sorted(single)})
            folded = [(buffer, *change) for (buffer, id), change in changes.items() if (buffer, id) not in single]
            _change_minutes(cursor, folded)
            _change_verdicts(cursor, [(minute, verdicts) for _, minute, verdicts in folded])


def _keep_from_settling(cursor: CursorWrapper, buffers: list[str]) -> None:
    """Wait for whoever settles or moves readings of some buffers, and keep others from it until the end."""
    lock = "SELECT buffer FROM validation_ledgersettlement WHERE buffer = ANY(%s) ORDER BY buffer FOR UPDATE"
    cursor.execute(lock, [buffers])
    if len(cursor.fetchall()) < len(buffers):
        cursor.execute(
            "INSERT INTO validation_ledgersettlement (buffer, number) SELECT b, 0 FROM unnest(%s::text[]) AS b "
            "ORDER BY b ON CONFLICT DO NOTHING",
            [buffers],
        )
        cursor.execute(lock, [buffers])


def _verdicts_of(cursor: CursorWrapper, keys: list[Key]) -> dict[Key, Verdicts]:
    """Return the verdicts of those entries that still have a row of their own."""
    cursor.execute(
        "SELECT l.buffer, l.entry_ms, l.entry_seq, l.verdicts::text FROM validation_ledgerentry l "
        "JOIN unnest(%s::text[], %s::bigint[], %s::bigint[]) AS asked (buffer, ms, seq) "
        "ON (l.buffer, l.entry_ms, l.entry_seq) = (asked.buffer, asked.ms, asked.seq)",
        [[buffer for buffer, _ in keys], [ms for _, (ms, _) in keys], [seq for _, (_, seq) in keys]],
    )
    return {(buffer, (ms, seq)): Verdicts.of(msgspec.json.decode(rows)) for buffer, ms, seq, rows in cursor.fetchall()}


def _change_entries(cursor: CursorWrapper, changes: dict[Key, tuple[Verdicts, Verdicts]]) -> None:
    """Change the rows of single entries: of each its verdicts until now, and what these gain and lose."""
    sums = [change.total for _, change in changes.values()]
    for before, change in changes.values():
        for version, tally in change.items():
            # An entry of before verdicts were written has none to take something from.
            if version in before or tally.quarantined >= 0:
                before[version].add(tally)
    cursor.execute(
        "UPDATE validation_ledgerentry l SET readings = l.readings + c.stored + c.duplicate + c.quarantined, "
        "stored = l.stored + c.stored, duplicate = l.duplicate + c.duplicate, "
        "quarantined = l.quarantined + c.quarantined, verdicts = c.verdicts::jsonb FROM unnest("
        "%s::text[], %s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::int[], %s::text[]) "
        "AS c (buffer, ms, seq, stored, duplicate, quarantined, verdicts) "
        "WHERE (l.buffer, l.entry_ms, l.entry_seq) = (c.buffer, c.ms, c.seq)",
        [
            [buffer for buffer, _ in changes],
            [ms for _, (ms, _) in changes],
            [seq for _, (_, seq) in changes],
            *_columns(sums),
            [msgspec.json.encode(verdicts.rows()).decode() for verdicts, _ in changes.values()],
        ],
    )


def _change_minutes(cursor: CursorWrapper, changes: Iterable[tuple[str, int, Verdicts]]) -> None:
    """Change the sums of minutes whose entries were folded."""
    sums: dict[tuple[str, int], Tally] = defaultdict(Tally)
    for buffer, minute, verdicts in changes:
        sums[buffer, minute].add(verdicts.total)
    ordered = sorted(sums.items(), key=lambda item: item[0])
    cursor.execute(
        "UPDATE validation_ledgerminute m SET readings = m.readings + c.stored + c.duplicate + c.quarantined, "
        "stored = m.stored + c.stored, duplicate = m.duplicate + c.duplicate, "
        "quarantined = m.quarantined + c.quarantined "
        "FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]) "
        "AS c (buffer, minute, stored, duplicate, quarantined) WHERE (m.buffer, m.minute) = (c.buffer, c.minute)",
        [
            [buffer for (buffer, _), _ in ordered],
            [minute for (_, minute), _ in ordered],
            *_columns([tally for _, tally in ordered]),
        ],
    )


def _change_verdicts(cursor: CursorWrapper, changes: Iterable[tuple[int, Verdicts]]) -> None:
    """Add to the sums by minute and version. Rows are locked in their order, as settling locks them."""
    sums: dict[tuple[int, int, int], Tally] = defaultdict(Tally)
    for minute, verdicts in changes:
        for version, tally in verdicts.items():
            sums[minute, *version].add(tally)
    ordered = sorted(sums.items(), key=lambda item: item[0])
    # A minute of before verdicts were written has none to take something from.
    cursor.execute(
        "INSERT INTO validation_ledgerverdict AS v (minute, model, version, stored, duplicate, quarantined) "
        "SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[]) "
        "AS c (minute, model, version, stored, duplicate, quarantined) WHERE c.quarantined >= 0 OR EXISTS ("
        "SELECT 1 FROM validation_ledgerverdict o WHERE (o.minute, o.model, o.version) = "
        "(c.minute, c.model, c.version)) "
        "ON CONFLICT (minute, model, version) DO UPDATE SET stored = v.stored + excluded.stored, "
        "duplicate = v.duplicate + excluded.duplicate, quarantined = v.quarantined + excluded.quarantined",
        [
            [minute for (minute, _, _), _ in ordered],
            [model for (_, model, _), _ in ordered],
            [version for (_, _, version), _ in ordered],
            *_columns([tally for _, tally in ordered]),
        ],
    )


def _columns(tallies: Sequence[Tally]) -> list[list[int]]:
    return [
        [tally.stored for tally in tallies],
        [tally.duplicate for tally in tallies],
        [tally.quarantined for tally in tallies],
    ]
