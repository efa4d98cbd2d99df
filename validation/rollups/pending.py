"""What of a model's rollups is out of date: which end of it a reader computes, and how many buckets lie before that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from django.db import connection

from validation.rollups.levels import FINER, LEVELS, MINUTES, Level, Pairs, devices_of, minute_of, minutes_of

# How far back, in minutes, a reader computes what no task has computed yet. What is older is read as it stands.
REACH: dict[Level, int] = {"1m": 15, "1h": 180, "1d": 2 * 1_440}
# Buckets that are looked at one by one; of more only the number is known.
MAX_LOOKED_AT = 1_000_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A row of marks, without its buckets."""

    id: int
    level: Level
    first: int
    last: int
    size: int


@dataclass(frozen=True, slots=True)
class Tail:
    """The marks of a model at one moment, and the stretch of each level that they leave to readers, in minutes."""

    marks: Sequence[Mark]
    spans: Sequence[tuple[int, int]]
    stretches: dict[Level, tuple[int, int]]
    device_ids: Sequence[int] | None

    def of(self, level: Level) -> tuple[int, int]:
        """Return from which minute to before which one a level is to be computed from what is finer."""
        return self.stretches[level]

    def recomputing(self, level: Level, first: int, end: int) -> int:
        """Return how many buckets between two minutes are out of date, but for those that the reader computes.

        Where spans wait it is an estimate: which of their buckets hold anything is not known.
        """
        begin, until = self.of(level)
        size = MINUTES[level]
        older = [
            mark
            for mark in self.marks
            if mark.last >= first and mark.first < end and not (mark.first >= begin and mark.last < until)
            if LEVELS.index(mark.level) <= LEVELS.index(level)
        ]
        minutes = minutes_of(self._pairs(older))
        is_meant = (minutes >= first) & (minutes < end) & ((minutes < begin) | (minutes >= until))
        pairs = self._pairs(older)[is_meant] - minutes[is_meant] % size
        count = len(np.unique(pairs))
        devices = len(self.device_ids) if self.device_ids is not None else 1
        for start, stop in self.spans:
            count += max(0, -(-(min(stop, end) - max(start, first)) // size)) * devices
        return count

    def _pairs(self, marks: Sequence[Mark]) -> Pairs:
        left, chosen = MAX_LOOKED_AT, []
        for mark in marks:
            left -= mark.size
            chosen += [mark.id] if left >= 0 else []
        if not chosen:
            return np.empty(0, dtype=np.int64)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pairs FROM validation_rollupmark WHERE id = ANY(%s)", [chosen])
            found = [np.frombuffer(pairs, "<i8") for (pairs,) in cursor.fetchall()]
        pairs = np.concatenate([np.empty(0, dtype=np.int64), *found])
        if self.device_ids is None:
            return pairs
        return pairs[np.isin(devices_of(pairs), np.array(self.device_ids, dtype=np.int32))]


def tail_of(model: str, level: Level, now: datetime, device_ids: Sequence[int] | None) -> Tail:
    """Return what is out of date of a model's rollups up to a level."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, level, first, last, octet_length(pairs) / 8 FROM validation_rollupmark "
            "WHERE model = (SELECT id FROM validation_datamodel WHERE name = %s) ORDER BY id",
            [model],
        )
        marks = [Mark(row[0], LEVELS[row[1]], *row[2:]) for row in cursor.fetchall()]
        cursor.execute(
            'SELECT start, "end" FROM validation_rollupspan WHERE (device_id IS NULL OR %s OR device_id = ANY(%s)) '
            "AND model_id = (SELECT id FROM validation_datamodel WHERE name = %s)",
            [device_ids is None, list(device_ids or ()), model],
        )
        spans = cursor.fetchall()
    stretches: dict[Level, tuple[int, int]] = {}
    for each in LEVELS[: LEVELS.index(level) + 1]:
        stretches[each] = _stretch(each, marks, minute_of(now), stretches)
    return Tail(marks, spans, stretches, device_ids)


def _stretch(level: Level, marks: Sequence[Mark], now: int, finer: dict[Level, tuple[int, int]]) -> tuple[int, int]:
    """Return the stretch around now that nobody has computed of a level: what runs, and what is marked nearby."""
    size, reach = MINUTES[level], REACH[level]
    oldest = (now - reach) // size * size
    begin, until = now // size * size, now // size * size + size
    near = [mark for mark in marks if mark.level == level and mark.last >= oldest and mark.first <= now + reach]
    firsts = [mark.first for mark in near] + ([finer[FINER[level]][0]] if level in FINER else [])
    lasts = [mark.last for mark in near] + ([finer[FINER[level]][1] - 1] if level in FINER else [])
    begin = max(oldest, min([begin, *(first // size * size for first in firsts)]))
    until = min(now + reach, max([until, *(last // size * size + size for last in lasts)]))
    return begin, -(-until // size) * size
