"""Take an import further, a step at a time, so that it may die at any point.

A step sends some envelopes into the ring and then writes down, in one transaction, what it has sent and how far in the
file that is. Whoever dies in between has sent rows that nobody wrote down; they are sent again, and the store knows
them for duplicates. What was sent is followed to its outcome (`pending`). A dry run judges as a worker would, and sends
nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from django.db import InterfaceError, OperationalError, transaction

from ingest.envelope import VERSION, Batch
from ingest.ring import NoBufferAvailable
from validation.backlog import is_behind
from validation.imports.messages import Messages, envelopes_of
from validation.imports.opening import Opened, open_run
from validation.imports.pending import Sent, lost, outcomes, refusals
from validation.imports.reader import Piece, Position, Refused
from validation.imports.sending import SOURCE, Door, door
from validation.ledger import Tally
from validation.models import Import
from validation.replay.outcome import Findings
from validation.writing import Writer

log = logging.getLogger(__name__)

# Envelopes of one step: 4,000 rows, some 40 ms.
A_STEP = 8
# Envelopes that may be without an outcome: enough for two workers to have the next chunk ready when one is stored, and
# fewer in a buffer than what counts as live ingest being behind (`backlog.BEHIND`).
MOST_PENDING = 48
# Seconds until one asks where an envelope is that has no outcome: a worker that is busy takes some.
ASKED_AFTER_S = 5.0
BEHIND_S = 0.1  # for which it counts whether live ingest was behind
POLL_S = 0.02  # in which two workers store a tenth of what may be pending


class Overtaken(Exception):
    """Somebody else takes the same import further, or has stopped it."""


class Importer:
    """What a process keeps between the turns of imports: the open file, among others. Not for several threads."""

    def __init__(self, way: Door | None = None, writer: Writer | None = None) -> None:
        self._way, self._writer = way, writer
        self._file: Opened | None = None
        self._run = 0  # whose file is open
        self._asked = 0.0  # when somebody was asked last where envelopes are
        self._behind, self._looked = False, -BEHIND_S

    def advance(self, run_id: int, seconds: float, *, patient: bool = False) -> bool:
        """Take an import further for a while; say whether there is more to do.

        Without `patience` it returns as soon as there is nothing to do but to wait. Several processes may call it at
        once. Blocks for I/O. A failure that is not the database's own makes the import FAILED with its words; raises
        what the database raises when it is away.
        """
        deadline = time.monotonic() + seconds
        running = Import.objects.filter(pk=run_id, state=Import.State.RUNNING)
        try:
            while (run := running.first()) is not None:
                moved = self._step(run)
                if time.monotonic() >= deadline or not (moved or patient):
                    break
                if not moved:
                    time.sleep(POLL_S)
        except Overtaken:
            self.close()
        except (OperationalError, InterfaceError):
            self.close()
            raise
        except Refused as error:
            self._fail(run_id, str(error))
        except Exception as error:
            log.exception("import %d has failed", run_id)
            self._fail(run_id, f"{type(error).__name__}: {error}")
        if running.exists():
            return True
        self.close()
        return False

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.reader.close()
            self._file = None

    def _fail(self, run_id: int, words: str) -> None:
        self.close()
        running = Import.objects.filter(pk=run_id, state=Import.State.RUNNING)
        running.update(state=Import.State.FAILED, error=words, updated_at=datetime.now(UTC))

    def _step(self, run: Import) -> bool:
        """Send, or learn what became of what was sent; say whether anything moved."""
        pending = [Sent(*one) for one in run.pending]
        judged = outcomes(pending)
        left = [one for one in pending if one not in judged]
        gone = self._gone(left)
        room = 0 if self._is_behind(run) else MOST_PENDING - len(left)
        if not (judged or gone or room > 0):
            return False
        file = self._opened(run)
        with _mine(run) as mine:
            _learn(mine, judged, gone)
            if gone:  # rows have to be sent again, from further up
                self.close()
                return True
            sent, at_end = self._send(mine, file, min(A_STEP, room))
            if at_end and not mine.pending:
                _finish(mine)
            return sent or bool(judged)

    def _is_behind(self, run: Import) -> bool:
        """Tell whether live ingest is behind, as it was within BEHIND_S: to ask costs a millisecond."""
        if not run.dry_run and time.monotonic() - self._looked > BEHIND_S:
            self._behind, self._looked = is_behind(), time.monotonic()
        return self._behind and not run.dry_run

    def _opened(self, run: Import) -> Opened:
        position = Position(**run.position)
        if self._file is not None and (self._run != run.pk or self._file.position != position):
            self.close()
        if self._file is None:
            self._file, self._run = open_run(run), run.pk
        return self._file

    def _send(self, mine: Import, file: Opened, envelopes: int) -> tuple[bool, bool]:
        """Send some envelopes; say whether any was sent or looked at, and whether the file is at its end."""
        moved = False
        for _ in range(envelopes):
            piece = file.reader.next()
            if piece is None:
                return moved, True
            messages = file.builder.messages(piece)
            if mine.dry_run:
                self._judge(mine, messages)
            elif messages.payloads and not self._appended(mine, messages, file.position):
                self.close()  # which has read on; it is opened again where this piece begins
                return moved, False
            _note_skipped(mine, piece)
            mine.sent += len(messages.payloads)
            file.position = piece.after
            mine.position = piece.after._asdict()
            mine.unread = list(file.plan.unread)
            moved = True
        return moved, False

    def _appended(self, mine: Import, messages: Messages, at: Position) -> bool:
        """Append what a piece makes and write down where it is; say False when no buffer takes it just now."""
        way = self._way or door()
        for envelope in envelopes_of(messages):
            try:
                appended = way.send(envelope)
            except NoBufferAvailable as error:
                log.info("%s waits: %s", mine, error)
                return False
            mine.pending.append(list(Sent.of(appended, envelope.received, at)))
        return True

    def _judge(self, mine: Import, messages: Messages) -> None:
        if not messages.payloads:
            return
        if self._writer is None:
            self._writer = Writer()
        batch = Batch(VERSION, SOURCE, int(time.time() // 60), messages.received, messages.topics, messages.payloads)
        judged = self._writer.examine([batch])
        findings = Findings.of(mine.outcome)
        for item in judged.rejected:
            findings.add_rejected(item)
        mine.outcome = {**mine.outcome, **findings.document()}
        for verdicts in judged.verdicts:
            mine.stored += verdicts.total.stored
            mine.quarantined += verdicts.total.quarantined

    def _gone(self, left: list[Sent]) -> set[Sent]:
        now = time.time()
        old = [one for one in left if now - one.ms / 1000 > ASKED_AFTER_S]
        if not old or time.monotonic() - self._asked < ASKED_AFTER_S:
            return set()
        self._asked = time.monotonic()
        return set(lost(old))


def _learn(mine: Import, judged: Mapping[Sent, Tally], gone: Collection[Sent]) -> None:
    """Take note of what was judged since, and have rows sent again that a buffer has lost."""
    still = {Sent(*one) for one in mine.pending}  # somebody else may have learnt of some in the meantime
    for one in still & judged.keys():
        tally = judged[one]
        mine.stored += tally.stored
        mine.duplicate += tally.duplicate
        mine.quarantined += tally.quarantined
        if tally.quarantined:
            _note_refused(mine, one)
    mine.pending = [list(one) for one in sorted(still - judged.keys() - set(gone))]
    if gone:
        first = min(gone, key=lambda one: one.row)
        log.warning("%s sends %d envelopes again that no buffer has any more", mine, len(gone))
        mine.position = Position(first.offset, first.row)._asdict()


@contextmanager
def _mine(run: Import) -> Iterator[Import]:
    """Lock an import for a step, and write down how far it is afterwards; raise Overtaken when somebody has it."""
    with transaction.atomic():
        same = Import.objects.filter(pk=run.pk, state=Import.State.RUNNING, position=run.position)
        mine = same.select_for_update(skip_locked=True).first()
        if mine is None:
            raise Overtaken
        yield mine
        mine.save()


def _finish(mine: Import) -> None:
    mine.state, mine.finished_at = Import.State.DONE, datetime.now(UTC)
    if not mine.dry_run:  # after which the same file is imported, most likely
        mine.parts.all().delete()
    log.info("%s is done: %d stored, %d duplicate, %d quarantined", mine, mine.stored, mine.duplicate, mine.quarantined)


def _note_skipped(mine: Import, piece: Piece) -> None:
    if not piece.skipped:
        return
    mine.skipped += len(piece.skipped)
    findings = Findings.of({"failing": mine.outcome.get("skipped", ())})
    for one in piece.skipped:
        findings.add(one.code, "", one.detail, "", one.sample)
    mine.outcome = {**mine.outcome, "skipped": findings.document()["failing"]}


def _note_refused(mine: Import, one: Sent) -> None:
    findings = Findings.of(mine.outcome)
    for record in refusals(one):
        reason = record.reasons[0]
        findings.add(reason["code"], reason["path"], reason["detail"], record.topic, bytes(record.payload))
    mine.outcome = {**mine.outcome, **findings.document()}
