"""Look at the books every minute, write down what was found, and raise an alarm while they do not balance.

A look is an audit of everything since the books began: at the start, or when the database was restored. What seems
wrong is looked at a second time before it counts. The newest look is the state of the books; one that is too old says
nothing any more, and a look that could not be made (a buffer is away) says that it could not.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

import redis
from django.db import connection

from ingest.ring import connect, without_password
from validation import notes, trails
from validation.audit import Audit, Books, audit, begin
from validation.models import BookCheck
from validation.streams import StreamReader

log = logging.getLogger(__name__)

EVERY_S = 60.0  # how often the books are looked at
STALE_AFTER = timedelta(seconds=3 * EVERY_S)
KEEP = timedelta(days=7)
LOOK_AGAIN_S = 1.0
MOST_COMPLAINTS, MOST_WORDS = 20, 500  # of one look that are kept
MOST_WAITING = 2_000  # entries that a page reads: a million messages at most


class TooMuchWaits(Exception):
    """More entries wait in the buffers than a page may read; the message says how many."""


class Word(StrEnum):
    """What is known of the books in a word."""

    BALANCED = "balanced"
    UNBALANCED = "not balanced"
    UNCHECKED = "could not be checked"
    STALE = "not checked lately"
    NEVER = "not checked yet"


@dataclass(frozen=True, slots=True)
class State:
    """What is known of the books now. `check` is the look that says so, `age_s` how long ago it was.

    While they do not balance, `wrong_since` is when the first look found that.
    """

    word: Word
    check: BookCheck | None = None
    age_s: float | None = None
    wrong_since: datetime | None = None

    @property
    def is_alarm(self) -> bool:
        """Tell whether the books are known not to balance: a look that got old does not take that back."""
        return self.check is not None and self.check.balanced is False


def check(urls: Sequence[str]) -> BookCheck:
    """Look at the books, write down what was found, and forget what is too old. Raises what the database raises."""
    started = time.monotonic()
    restoration = begin()
    since = restoration.minute if restoration else 0
    before = BookCheck.objects.first()
    found = _look(urls, since)
    found.seconds = time.monotonic() - started
    found.save()
    _tell(found, before)
    _forget(datetime.now(UTC))
    return found


def state() -> State:
    """Return what is known of the books. One small question to the database, up to three while something is wrong."""
    newest = BookCheck.objects.first()
    if newest is None:
        return State(Word.NEVER)
    if newest.balanced is None:
        # A look that could not be made does not take back what an earlier one found.
        said = BookCheck.objects.exclude(balanced=None).first()
        newest = said if said is not None and said.balanced is False else newest
    age = (datetime.now(UTC) - newest.at).total_seconds()
    if newest.balanced is False:
        word = Word.UNBALANCED
    elif age > STALE_AFTER.total_seconds():
        word = Word.STALE
    else:
        word = Word.BALANCED if newest.balanced else Word.UNCHECKED
    return State(word, newest, age, _wrong_since() if newest.balanced is False else None)


def minutes(urls: Sequence[str], since: int) -> dict[int, Books]:
    """Return the books of all buffers by minute, from one on; TooMuchWaits when what waits cannot be read quickly.

    Raises redis.RedisError when a buffer cannot be asked.
    """
    waiting = 0
    for url in urls:
        with connect(url) as client:
            waiting += StreamReader(client).waiting()
    if waiting > MOST_WAITING:
        raise TooMuchWaits(f"{waiting:,} entries wait in the buffers, too many to look at them now.")
    return audit(urls, since, minutes_from=since).minutes


def _look(urls: Sequence[str], since: int) -> BookCheck:
    try:
        answer = audit(urls, since)
        if not answer.balanced:
            time.sleep(LOOK_AGAIN_S)
            answer = audit(urls, since)
    except redis.RedisError as error:
        names = ", ".join(map(without_password, urls))
        return BookCheck(since=since, complaints=[f"A buffer of {names} cannot be asked: {error}"[:MOST_WORDS]])
    return BookCheck(
        since=since,
        balanced=answer.balanced,
        missing=answer.total.missing,
        totals=_totals(answer),
        complaints=[complaint[:MOST_WORDS] for complaint in answer.complaints[:MOST_COMPLAINTS]],
    )


def _totals(answer: Audit) -> dict[str, int]:
    return asdict(answer.total) | {"expired": answer.expired}


def _tell(found: BookCheck, before: BookCheck | None) -> None:
    """Say it in the log: always when the books do not balance, and once when they do again."""
    if found.balanced is False:
        log.error("the books do not balance: %s", " ".join(found.complaints))
    elif found.balanced is None:
        log.warning("the books cannot be checked: %s", " ".join(found.complaints))
    elif before is not None and before.balanced is False:
        log.info("the books balance again")


def _wrong_since() -> datetime | None:
    """Return when the looks began to find the books wrong, without one between that found them right."""
    right = BookCheck.objects.filter(balanced=True).order_by("-id").values_list("id", flat=True).first() or 0
    first = BookCheck.objects.filter(id__gt=right, balanced=False).order_by("id").first()
    return first.at if first else None


def _forget(now: datetime) -> None:
    """Delete what is kept long enough: old looks, and what readings were traced by."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM validation_bookcheck WHERE at < %s", [now - KEEP])
    trails.prune(now.timestamp())
    notes.prune(now)
