"""The audit of all books."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from django.db import connection

from dataflow.lib import restorations
from dataflow.lib.restorations import Restoration
from ingest.ring import connect, identify
from validation.audit.books import Audit, Books, named
from validation.audit.buffers import NO_MINUTE, books_of
from validation.audit.retired import complaints, retired
from validation.quarantine import expired

MOST_NAMED = 5  # minutes that do not balance, of one buffer


def audit(urls: Sequence[str], since: int = 0, minutes_from: int = NO_MINUTE) -> Audit:
    """Audit all buffers from a minute (since 1970) on, and the books of those that have left the ring.

    Lists the minutes from `minutes_from` on; one that does not balance is named in any case. Raises redis.RedisError
    when a buffer cannot be asked.
    """
    result = Audit()
    minutes: dict[int, Books] = defaultdict(Books)
    each = retired(since, max(since, minutes_from))
    for url in urls:
        with connect(url) as client:
            buffer = identify(url)
            each[buffer] = books_of(client, buffer, since, max(since, minutes_from))
    for buffer, found in each.items():
        result.buffers[buffer] = found.total
        for minute, books in found.minutes.items():
            minutes[minute].add(books)
        result.complaints += _complaints(buffer, found.total, found.minutes)
    result.complaints[:0] = [
        f"The buffer {buffer} has outcomes but is not among BUFFER_URLS, or it lost its data: "
        "its count cannot be checked."
        for buffer in sorted(_buffers_with_outcomes(since) - result.buffers.keys())
    ]
    result.complaints += complaints()
    for books in result.buffers.values():
        result.total.add(books)
    result.minutes = dict(sorted(minutes.items()))
    result.expired, complaint = expired(since)
    if complaint:
        result.complaints.append(complaint)
    return result


def begin() -> Restoration | None:
    """Return the newest restoration of this database; the books begin anew at its minute."""
    with connection.cursor() as cursor:
        return restorations.newest(cursor)


def _complaints(buffer: str, total: Books, minutes: dict[int, Books]) -> list[str]:
    """Say what of a buffer is not accounted for, and in which minutes."""
    wrong = {minute: books.missing for minute, books in minutes.items() if books.missing}
    said = [f"The buffer {buffer}: {total.missing} received and not accounted for."] if total.missing else []
    if wrong:
        told = "; ".join(f"{named(minute)}: {missing}" for minute, missing in list(wrong.items())[:MOST_NAMED])
        more = f"; and {len(wrong) - MOST_NAMED} more minutes" if len(wrong) > MOST_NAMED else ""
        said.append(f"The buffer {buffer}, by minute: {told}{more}.")
    return said


def _buffers_with_outcomes(since: int) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT buffer FROM validation_ledgerentry WHERE minute >= %s UNION "
            "SELECT buffer FROM validation_ledgerminute WHERE minute >= %s",
            [since, since],
        )
        return {buffer for (buffer,) in cursor.fetchall()}
