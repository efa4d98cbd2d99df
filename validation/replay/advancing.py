"""Take a replay further, a step at a time, each in one transaction, so that it may die at any point.

A step is some thousand records: judge them as a worker judges what is new, then together store rows, take the records
out of quarantine, move their readings in the books and note how far the replay is. Nothing is announced: old readings
fire no rules and move no live chart. What still fails stays, with what is wrong with it by now.

Records are locked with SKIP LOCKED, so a step waits for nobody who holds one: what another replay has is its business.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
from django.db import DataError, IntegrityError, InterfaceError, OperationalError, transaction

from validation import notes
from validation.backlog import is_behind
from validation.ledger import Tally
from validation.models import ReadingNote, Replay
from validation.moves import Moves
from validation.pipeline import Rejected
from validation.quarantine import Selection
from validation.quarantine.keeping import Finding, Origin, insert
from validation.replay import records
from validation.replay.outcome import Findings
from validation.replay.records import UNREADABLE_TOPIC, Group, Record
from validation.store import Manner
from validation.writing import Judged, Writer

log = logging.getLogger(__name__)

NOT_JUDGED = "not_judged"  # the code, in the outcome, of a record that cannot even be judged


class Overtaken(Exception):
    """Somebody else takes the same replay further, or has stopped it."""


class Taken(Exception):
    """Some records are gone or held by somebody else; `left` are the others."""

    def __init__(self, left: set[int]) -> None:
        super().__init__()
        self.left = left


def advance(replay_id: int, seconds: float, writer: Writer | None = None) -> bool:
    """Take a replay further for a while; say whether there is more to do.

    Does nothing but say that it is alive while live ingest is behind. Several processes may call it at once. Blocks
    for I/O. A failure that is not the database's own makes the replay FAILED with its words; raises what the database
    raises when it is away.
    """
    writer = writer or Writer()
    deadline = time.monotonic() + seconds
    running = Replay.objects.filter(pk=replay_id, state=Replay.State.RUNNING)
    if is_behind():
        return bool(running.update(updated_at=datetime.now(UTC)))
    try:
        while (run := running.first()) is not None:
            if not _step(run, writer):
                return False
            if time.monotonic() >= deadline:
                return True
    except Overtaken:
        return running.exists()
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("replay %d has failed", replay_id)
        running.update(state=Replay.State.FAILED, error=f"{type(error).__name__}: {error}")
    return False


def _step(run: Replay, writer: Writer) -> bool:
    selection = msgspec.convert(run.selection, Selection)
    found = records.read(records.chosen(selection), run.cursor, run.last)
    if found:
        _divide(run, found, writer)
        return True
    now = datetime.now(UTC)
    done = Replay.objects.filter(pk=run.pk, state=Replay.State.RUNNING, cursor=run.cursor)
    if done.update(state=Replay.State.DONE, finished_at=now, updated_at=now):
        log.info("%s is done: %d stored, %d duplicate, %d failing", run, run.stored, run.duplicate, run.failing)
    return False


def _divide(run: Replay, found: Sequence[Record], writer: Writer) -> None:
    """Judge some records. One that nobody foresaw stays as it is, and does not hold up the others."""
    try:
        _judge(run, found, writer)
    except (OperationalError, InterfaceError, Overtaken):
        raise
    except Exception as error:
        if len(found) > 1:
            middle = len(found) // 2
            _divide(run, found[:middle], writer)
            _divide(run, found[middle:], writer)
            return
        log.exception("the quarantined reading %d cannot be judged; it stays", found[0].id)
        with transaction.atomic():
            mine = _mine(run)
            findings = Findings.of(mine.outcome)
            findings.add(NOT_JUDGED, "", f"{type(error).__name__}: {error}", found[0].topic, found[0].payload)
            _note(mine, found[0].id, 1, Tally(quarantined=1), findings)
        run.cursor = found[0].id


def _judge(run: Replay, found: Sequence[Record], writer: Writer) -> None:
    """Judge some records in one transaction, again when others have taken some or PostgreSQL refuses a row."""
    left, manner = found, Manner.EITHER
    while True:
        try:
            _attempt(run, found, left, writer, manner)
            return
        except Taken as taken:
            left = [record for record in left if record.id in taken.left]
        except (DataError, IntegrityError) as error:
            if manner is Manner.ISOLATED:
                raise
            log.warning("replaying row by row what could not be stored at once: %s", error)
            manner = Manner.ISOLATED
            writer.forget()


def _attempt(run: Replay, found: Sequence[Record], left: Sequence[Record], writer: Writer, manner: Manner) -> None:
    groups = records.grouped(record for record in left if record.code not in UNREADABLE_TOPIC)
    batches = [group.batch() for group in groups]
    judged = writer.examine(batches) if run.dry_run else writer.judge(batches)
    with transaction.atomic():
        mine = _mine(run)
        if not run.dry_run:
            locked = records.lock([record.id for record in left])
            if len(locked) < len(left):
                raise Taken(locked)
            writer.write(judged, manner)
            _note_stored(run, judged)
            _write_back(groups, judged)
        total, findings = Tally(), Findings.of(mine.outcome)
        for verdicts in judged.verdicts:
            for tally in verdicts.values():
                total.add(tally)
        for item in judged.rejected:
            findings.add_rejected(item)
        for record in left:
            if record.code in UNREADABLE_TOPIC:
                findings.add(record.code, "", "No model can be for such a topic.", record.topic, record.payload)
                total.quarantined += 1
        _note(mine, found[-1].id, len(left), total, findings)
    run.cursor = found[-1].id


def _mine(run: Replay) -> Replay:
    """Lock a replay until the end of the transaction; raise Overtaken when it is not as it was or somebody has it."""
    same = Replay.objects.filter(pk=run.pk, state=Replay.State.RUNNING, cursor=run.cursor)
    mine = same.select_for_update(skip_locked=True).first()
    if mine is None:
        raise Overtaken
    return mine


def _write_back(groups: Sequence[Group], judged: Judged) -> None:
    """Take what is stored out of quarantine, say of the rest what is wrong with it, and move both in the books."""
    failing: dict[tuple[int, int], list[Rejected]] = defaultdict(list)
    for item in judged.rejected:
        failing[item.entry, item.position].append(item)
    done: list[int] = []
    changed: list[tuple[int, Finding]] = []
    parts: list[Rejected] = []
    origins: list[Origin] = []
    moves = Moves()
    for place, group in enumerate(groups):
        first = group.first
        moves.add(first.buffer, first.entry, first.minute, first.judged_by, len(group.records), judged.verdicts[place])
        # An array that had been kept whole is many readings now: what fails of it is kept by itself.
        opened = first.is_array and judged.judgement.readings[place] > 1
        for position, record in enumerate(group.records):
            found = failing.get((place, position), ())
            if found and not opened:
                changed.append((record.id, Finding.of(found[0], judged.model_ids)))
            else:
                done.append(record.id)
                parts += found
                origins += [record.origin] * len(found)
    records.delete(done)
    records.update(changed)
    insert(parts, origins, judged.model_ids)
    moves.write()


def _note_stored(run: Replay, judged: Judged) -> None:
    """Note which readings are stored now, so that one can be traced; of an array, also those that came again."""
    for columns in judged.parts:
        model = columns.rows.model
        version = judged.model_ids[model.spec.name], model.version
        stored = [
            place for place, entry in enumerate(columns.entries.tolist()) if judged.verdicts[entry][version].stored
        ]
        notes.note(ReadingNote.Kind.REPLAY, columns, stored, version[0], run.pk)


def _note(mine: Replay, cursor: int, examined: int, total: Tally, findings: Findings) -> None:
    """Write down how far a replay is."""
    mine.cursor = cursor
    mine.examined += examined
    mine.stored += total.stored
    mine.duplicate += total.duplicate
    mine.failing += total.quarantined
    mine.outcome = findings.document()
    mine.save(update_fields=["cursor", "examined", "stored", "duplicate", "failing", "outcome", "updated_at"])
