"""Entries that were begun and not finished: tried alone, then taken apart until only the guilty messages are left.

See `validation.attempts` for the steps, and docs/workers.md for what counts as a failure of an entry and what does not.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import redis
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)

from ingest.envelope import Batch
from validation import ledger, quarantine
from validation.announce import announce
from validation.attempts import DIED, NOT_JUDGED, Attempt, Fault, Notes, Step, Trying
from validation.catalog import Catalog
from validation.ledger import Outcome, Verdicts
from validation.pipeline import Judgement, Rejected
from validation.spec import Reason
from validation.store import Manner
from validation.streams import Entry, StreamReader, batch_in
from validation.writing import Judged, Writer

log = logging.getLogger(__name__)

# Milliseconds that a statement may wait for a lock, and take in all. A worker that waits for PostgreSQL for longer is
# taken for deaf and restarted, and that must not be put down to the entry in its hands.
LOCK_MS, STATEMENT_MS = 5_000, 30_000
LONGEST_WORDS = 300  # characters of an error that are kept with a message
BEYOND_LIMITS = "54"  # class of SQLSTATE: what was sent is too much for the server

Store = Callable[[str, Sequence[Entry]], None]


class Suspects:
    """Settles entries one by one. `store` is how an entry is stored that is fine; one per process."""

    def __init__(self, writer: Writer, store: Store) -> None:
        self._writer, self._store = writer, store

    def in_order(self, client: redis.Redis, entries: Sequence[Entry]) -> list[Entry]:
        """Return entries with those last that have failed most, so that a deadly one keeps no other waiting."""
        notes = Notes(client).read(entries) if entries else []
        failures = {entry.name: _failures(note) for entry, note in zip(entries, notes, strict=True)}
        return sorted(entries, key=lambda entry: failures[entry.name])

    def settle(self, reader: StreamReader, buffer: str, entry: Entry) -> None:
        """Take an entry as far as it goes: stored and let go of, or noted as failed once more.

        Raises what the database or the buffer raises when it is away.
        """
        notes = Notes(reader.client)
        attempt = notes.read([entry])[0] or Attempt(len(batch_in(entry)))
        if attempt.trying and attempt.trying.by != reader.consumer:
            log.warning(
                "entry %s of buffer %s: its worker died in the middle of %s", entry.name, buffer, attempt.trying
            )
            attempt.failed(DIED)
        while self._goes_on(reader, buffer, entry, attempt, notes):
            pass

    def _goes_on(self, reader: StreamReader, buffer: str, entry: Entry, attempt: Attempt, notes: Notes) -> bool:
        """Take one step with an entry; say whether there is another one to take now."""
        trying = attempt.begin(reader.consumer)
        if not notes.write(entry, attempt) and _failures(attempt) > 1:
            log.warning("entry %s of buffer %s stays: the buffer is full, nothing can be noted", entry.name, buffer)
            return False
        try:
            with _limited():
                self._try(buffer, entry, attempt, trying)
        except Exception as error:
            if not is_of_the_entry(error):
                attempt.trying = None
                notes.write(entry, attempt)
                raise
            log.warning("entry %s of buffer %s: %s failed", entry.name, buffer, trying, exc_info=error)
            attempt.failed(Fault(NOT_JUDGED, f"It raised {type(error).__name__}: {error}"[:LONGEST_WORDS]))
            notes.write(entry, attempt)
            # A whole may go better somewhat later, or with another worker; parts are looked into at once.
            return trying.step is Step.PART
        attempt.passed()
        if trying.step is Step.PART:
            return True
        reader.finish([entry])
        notes.forget(entry)
        return False

    def _try(self, buffer: str, entry: Entry, attempt: Attempt, trying: Trying) -> None:
        if trying.step is Step.WHOLE:
            self._store(buffer, [entry])
        elif trying.step is Step.PART:
            places = range(trying.start, trying.end)
            judged = self._writer.judge([_only(batch_in(entry), places)])
            with transaction.atomic():
                self._writer.write(judged, Manner.ISOLATED)
                quarantine.keep(buffer, [entry], judged.rejected, judged.model_ids)
                transaction.set_rollback(True)
        else:
            self._store_without_the_guilty(buffer, entry, attempt)

    def _store_without_the_guilty(self, buffer: str, entry: Entry, attempt: Attempt) -> None:
        """Store what is innocent and keep the rest, in one transaction; nothing when the entry has an outcome."""
        batch = batch_in(entry)
        innocent = [place for place in range(len(batch)) if place not in attempt.guilty]
        self._writer.forget()
        catalog = self._writer.published.catalog()
        if innocent:
            judged = self._writer.judge([_only(batch, innocent)])
        else:
            judged = Judged([batch], Judgement(readings=[0]), self._writer.published.model_ids, verdicts=[Verdicts()])
        with transaction.atomic():
            if innocent:
                self._writer.write(judged, Manner.ISOLATED)
            for item in judged.rejected:
                item.position = innocent[item.position]
            _set_aside(batch, attempt, judged, catalog)
            quarantine.keep(buffer, [entry], judged.rejected, judged.model_ids)
            readings = judged.judgement.readings[0] + len(attempt.guilty)
            messages = len(batch) if entry.batch else 0
            if not ledger.record(buffer, [Outcome(entry.id, batch.minute, messages, readings, judged.verdicts[0])]):
                transaction.set_rollback(True)
                return
        log.error(
            "entry %s of buffer %s: %d of %d messages are in quarantine, because they could not be judged",
            *(entry.name, buffer, len(attempt.guilty), len(batch)),
        )
        for columns in judged.parts:
            announce(columns)


def _set_aside(batch: Batch, attempt: Attempt, judged: Judged, catalog: Catalog) -> None:
    """Add the guilty messages to the rejected ones, and to the verdicts."""
    for place, fault in sorted(attempt.guilty.items()):
        topic = batch.topics[place]
        reasons = [Reason(fault.code, "", fault.words)]
        item = Rejected(0, place, batch.received[place], topic, batch.payloads[place], reasons)
        if not attempt.last:  # else even the way from the topic to the model may be what fails
            route = catalog.route(topic)
            item.model, item.device = route.model, route.device
        judged.rejected.append(item)
        judged.verdicts[0][judged.version(item)].quarantined += 1


def is_of_the_entry(error: Exception) -> bool:
    """Tell whether an error speaks against what was judged, and not against the database or a buffer.

    A table that is missing or may not be written to is the platform's fault: the entry waits until that is mended.
    """
    if isinstance(error, OperationalError):
        return str(getattr(error.__cause__, "sqlstate", None) or "").startswith(BEYOND_LIMITS)
    if isinstance(error, DataError | IntegrityError):
        return True
    return not isinstance(error, DatabaseError | InterfaceError | redis.RedisError)


def _failures(attempt: Attempt | None) -> int:
    if attempt is None:
        return 0
    return attempt.alone + attempt.last + len(attempt.parts) + len(attempt.guilty) + (attempt.trying is not None)


def _only(batch: Batch, places: Sequence[int]) -> Batch:
    """Return a batch with some of its messages, one at least."""
    return Batch(
        batch.version,
        batch.source,
        batch.minute,
        [batch.received[place] for place in places],
        [batch.topics[place] for place in places],
        [batch.payloads[place] for place in places],
    )


@contextmanager
def _limited() -> Iterator[None]:
    """Let no statement of the block wait for long."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {LOCK_MS}; SET statement_timeout = {STATEMENT_MS}")
    try:
        yield
    finally:
        # A connection that is broken will not be used again.
        with suppress(DatabaseError, InterfaceError), connection.cursor() as cursor:
            cursor.execute("RESET lock_timeout; RESET statement_timeout")
