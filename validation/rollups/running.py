"""Work off the marks: what the task does, in slices that may die at any point."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from django.db import connection, transaction
from msgspec import convert

from validation.backlog import is_behind
from validation.models import DataModel, ModelVersion, RollupMark
from validation.publishing import newest, spec_of
from validation.rollups import marks, spans
from validation.rollups.computing import Kept, coarser, compute, use_indexes
from validation.rollups.levels import FINER, LEVELS, Level, Pairs, day_of_minute, minutes_of
from validation.rollups.tables import ensure_parts, ensure_tables
from validation.spec import ModelSpec

# Seconds after the end of a minute until it is rolled up: what is on its way then need not be computed twice.
GRACE_S = 3
# Seconds that a slice should take: so long does a new batch wait, at most, for a worker that is busy with it.
SLICE_S = 0.25
FEWEST, MOST = 8, 20_000  # buckets of a first slice, and of the largest one
MOST_MARKED = 4_000_000  # buckets whose marks are read at once: 32 MB
# Seconds for which rollups wait for live ingest that is behind, before they take their turn all the same.
WAITS_S = 180


class NotAlone(Exception):
    """Somebody else works off marks, or has taken some of these."""


@dataclass(slots=True)
class Waiting:
    """Marks of one model and level that are due."""

    model: int
    level: Level
    ids: list[int]
    due: int
    pairs: Pairs


@dataclass(slots=True)
class Roller:
    """What a worker process keeps between turns: how many buckets of a model a slice has, so that it takes SLICE_S."""

    sizes: dict[tuple[int, Level], int] = field(default_factory=dict)  # by model and level
    seen: set[int] = field(default_factory=set)  # versions whose tables are there

    def run(self, seconds: float, *, patient: bool = True) -> bool:
        """Compute what is due until nothing is or time is up; say whether there is more.

        With `patient`, live ingest goes first for WAITS_S. Blocks for a slice longer than `seconds` at most. Raises
        what the database raises; whatever was not finished is still marked.
        """
        deadline = time.monotonic() + seconds
        self._prepare_models()
        while True:
            if patient and is_behind() and not _waits_too_long():
                return False
            try:
                if not self._advance():
                    return False
            except NotAlone:
                return False
            if time.monotonic() >= deadline:
                return True

    def _prepare_models(self) -> None:
        """Make the tables of versions that are new, and mark what was stored before a model had any."""
        versions = ModelVersion.objects.order_by("model_id", "-number").distinct("model_id").select_related("model")
        for version in versions.exclude(pk__in=self.seen):
            prepare(version.model, convert(version.spec, ModelSpec))
            self.seen.add(version.pk)

    def _advance(self) -> bool:
        """Do one slice; say whether there was one."""
        waiting = _next()
        if waiting is None:
            return spans.expand()
        model = DataModel.objects.filter(pk=waiting.model).first()
        # Looked up after the marks: the version that stored their readings is there by now.
        spec = spec_of(newest(model)) if model else None
        if model is None or spec is None:
            RollupMark.objects.filter(pk__in=waiting.ids).delete()
            return True
        started = time.monotonic()
        size = self.sizes.get((model.pk, waiting.level), FEWEST)
        some, rest = _divided(waiting.pairs, size)
        _prepare(model, spec, waiting.level, some)
        _finish(model, spec, waiting, some, rest)
        seconds = time.monotonic() - started
        if seconds > 2 * SLICE_S:
            size = max(1, len(some) // 2)
        elif seconds < SLICE_S and len(rest):
            size = min(MOST, size * 2)
        self.sizes[model.pk, waiting.level] = size
        return True


def _next() -> Waiting | None:
    """Return marks that are due, of the model and level whose turn it is.

    That is whose marks have been due the longest. Hours come after the minutes that became due in the five minutes
    that followed, and days after the hours: so a bucket is mostly complete when it is computed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH due AS (SELECT * FROM validation_rollupmark "
            "WHERE due <= extract(epoch FROM clock_timestamp() - %s::interval) / 60), "
            "turn AS (SELECT model, level FROM due ORDER BY due + 5 * level, id LIMIT 1) "
            "SELECT model, level, id, due, pairs FROM (SELECT due.*, sum(octet_length(pairs)) OVER (ORDER BY due.id) "
            "AS total FROM due JOIN turn USING (model, level)) AS s WHERE total - octet_length(pairs) < %s",
            [f"{GRACE_S} seconds", MOST_MARKED * 8],
        )
        rows = cursor.fetchall()
    if not rows:
        return None
    pairs = np.unique(np.concatenate([np.frombuffer(some, "<i8") for *_, some in rows]))
    model, level = rows[0][:2]
    return Waiting(model, LEVELS[level], [row[2] for row in rows], min(row[3] for row in rows), pairs)


def _divided(pairs: Pairs, size: int) -> tuple[Pairs, Pairs]:
    """Return as many pairs as a slice has, of the newest hours, and the rest; both in order."""
    if len(pairs) <= size:
        return pairs, pairs[:0]
    order = np.argsort(-(minutes_of(pairs) // 60), kind="stable")
    return np.sort(pairs[order[:size]]), np.sort(pairs[order[size:]])


def prepare(model: DataModel, spec: ModelSpec) -> None:
    """Make or widen a model's tables; when they are new, have everything that is stored of it rolled up."""
    with transaction.atomic():
        if ensure_tables(spec):
            spans.fill(model.pk, model.name)


def _prepare(model: DataModel, spec: ModelSpec, level: Level, pairs: Pairs) -> None:
    """Put the tables and partitions in place that some buckets need."""
    prepare(model, spec)
    kept = Kept.of(model)
    days = {day_of_minute(minute) for minute in np.unique(minutes_of(pairs) // 1440 * 1440).tolist()}
    for needed in (level, *([FINER[level]] if level in FINER else [])):
        ensure_parts(model.name, needed, [day for day in days if kept.stores(needed, day)])


def _finish(model: DataModel, spec: ModelSpec, waiting: Waiting, some: Pairs, rest: Pairs) -> None:
    """Compute some buckets and let go of their marks, in one transaction."""
    with transaction.atomic():
        lock()
        deleted, _ = RollupMark.objects.filter(pk__in=waiting.ids).delete()
        if deleted < len(waiting.ids):
            raise NotAlone
        use_indexes()
        done = compute(model, spec, waiting.level, some)
        above = coarser(waiting.level, done)
        if above is not None and len(above[1]):
            marks.add(model.pk, *above)
        if len(rest):
            marks.add(model.pk, waiting.level, rest, waiting.due)


def lock() -> None:
    """Let nobody else compute or remove rollups until the end of the transaction; raise NotAlone when somebody does.

    Two that computed one bucket at once could put the older result in place of the newer one.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('dataflow:rollups'))")
        if not cursor.fetchone()[0]:
            raise NotAlone


def wait_for_lock() -> None:
    """Wait until nobody computes rollups, and let nobody do so until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('dataflow:rollups'))")


def _waits_too_long() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(due) < extract(epoch FROM clock_timestamp() - %s::interval) / 60 FROM validation_rollupmark",
            [f"{WAITS_S} seconds"],
        )
        return bool(cursor.fetchone()[0])
