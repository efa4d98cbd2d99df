"""Look after the members of the ring, and let them leave it without losing what they hold; docs/ring.md."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import redis
from django.db import transaction
from django.utils import timezone

from ingest.buffers import TAKEN_BACK, Refused, tell, tend
from ingest.models import Buffer, WrittenOff
from ingest.ring import BUFFER_ID, BUFFER_KEY, RECEIVED, connect, identify
from ingest.sealing import is_sealed, seal
from validation.losses import losses
from validation.models import LedgerSettlement
from validation.settling import SETTLING, read_settling, settle

log = logging.getLogger(__name__)

LONGEST_ERROR = 300  # characters of an error that are kept


@dataclass(frozen=True, slots=True)
class Given:
    """What was given up: messages, and when the buffer's own count was last looked at (None for never)."""

    messages: int
    known_until: str | None

    @property
    def sentence(self) -> str:
        """Return it in words."""
        if self.known_until is None:
            return f"{self.messages:,} messages are written off. It was never looked at, so there may have been more."
        return (
            f"{self.messages:,} messages are written off as lost. What it had counted was last looked at on "
            f"{self.known_until}; what it took afterwards and nobody judged cannot be known."
        )


def look_after() -> None:
    """Write down who belongs to the ring, how each does, and what it has counted.

    Blocks for some seconds when servers are away. Raises Django's database errors.
    """
    before = set(Buffer.objects.filter(state=Buffer.State.LOST).values_list("identity", flat=True))
    tend()
    for row in Buffer.objects.filter(state__in=TAKEN_BACK):
        _look_at(row)
    for row in Buffer.objects.filter(state=Buffer.State.LOST).exclude(identity__in=before):
        known = sum(loss.lost for loss in losses(row))
        log.error("the buffer %s has lost its data: %d messages at least are gone; see `manage.py audit`", row, known)


def _look_at(row: Buffer) -> None:
    changes: dict[str, Any] = {}
    try:
        if not row.url:
            raise redis.ConnectionError("nobody knows its address now")
        with connect(row.url) as client:
            seen = _counted(client, row.identity)
        trouble = ""
        if seen is not None:
            changes["seen"] = seen
    except (redis.RedisError, OSError) as error:
        trouble = f"{type(error).__name__}: {error}"[:LONGEST_ERROR]
        changes["last_error"] = trouble
    if bool(trouble) != bool(row.trouble):
        changes["trouble_since"] = timezone.now()
    Buffer.objects.filter(pk=row.pk).update(trouble=trouble, **changes)


def _counted(client: redis.Redis, identity: str | None) -> dict[str, Any] | None:
    """Return what a buffer has counted and not handed over; None when another one answers."""
    with client.pipeline(transaction=True) as pipe:
        pipe.hget(BUFFER_KEY, BUFFER_ID)
        pipe.hgetall(RECEIVED)
        pipe.hgetall(SETTLING)
        who, received, settling = pipe.execute()
    if identity is None or who is None or who.decode() != identity:
        return None
    number, moving = read_settling(settling)
    counts = {minute.decode(): int(count) for minute, count in received.items()}
    return {
        "at": f"{datetime.now(UTC):%F %T} UTC",
        "number": number,
        "received": counts,
        "settling": {str(minute): count for minute, count in moving.items()},
    }


def remove(row: Buffer) -> Buffer:
    """Let a drained buffer leave the ring, once it is empty and the books have taken over all its counts.

    Safe to repeat. Blocks for the buffer's time-outs. Raises Refused, and then it stays as it was.
    """
    if row.state == Buffer.State.ACTIVE:
        raise Refused(f"The buffer {row} takes batches: drain it first.")
    if row.state == Buffer.State.REMOVED:
        raise Refused(f"The buffer {row} has left the ring already.")
    if row.state == Buffer.State.LOST or row.identity is None or not row.url:
        raise Refused(f"The buffer {row} cannot be emptied, because nobody knows where its data is: write it off.")
    try:
        reason = _close(row.url, row.identity)
    except (redis.RedisError, OSError) as error:
        raise Refused(
            f"The buffer {row} does not answer ({type(error).__name__}). What it holds is drained when it is back; "
            "write it off only when its data is gone for good."
        ) from error
    if reason:
        raise Refused(f"The buffer {row} cannot leave yet: {reason}. Workers empty it; try again.")
    _leave(row.pk)
    row.refresh_from_db()
    return row


def _close(url: str, identity: str) -> str:
    """Have the books take over all counts of a buffer and seal it; return why that cannot be."""
    with connect(url) as client:
        if identify(url) != identity:
            return "another buffer answers at its address"
        if is_sealed(client):
            return ""
        for _ in range(2):  # the first may only finish a settlement that was under way
            settle(client, identity, all_counts=True)
        return seal(client, SETTLING)


def _leave(key: int) -> None:
    with transaction.atomic():
        Buffer.objects.filter(pk=key, state=Buffer.State.DRAINING).update(
            state=Buffer.State.REMOVED, since=timezone.now(), trouble=""
        )
        tell()


def write_off(row: Buffer) -> Given:
    """Give up what a buffer held whose data is gone for good, and count it as lost. Safe to repeat.

    Should the server come back with its data all the same, it is drained, and nothing of it is counted as lost any
    more. Raises Refused while the server answers.
    """
    if row.identity is None:
        Buffer.objects.filter(pk=row.pk, identity=None).delete()  # nobody has ever appended to it
        return Given(0, None)
    if row.state == Buffer.State.REMOVED and row.written_off_at is None:
        raise Refused(f"The buffer {row} left the ring in order: nothing of it is lost.")
    if row.url and _answers(row.url, row.identity):
        raise Refused(f"The buffer {row} answers: drain and remove it, then nothing of it is lost.")
    with transaction.atomic():
        # The lock of `validation.settling` and `validation.moves`: nothing of this buffer is folded or moved meanwhile.
        LedgerSettlement.objects.select_for_update().get_or_create(buffer=row.identity)
        found = losses(row)
        WrittenOff.objects.filter(buffer=row.identity).delete()
        WrittenOff.objects.bulk_create(WrittenOff(buffer=row.identity, **asdict(loss)) for loss in found)
        row.state, row.since, row.written_off_at = Buffer.State.REMOVED, timezone.now(), timezone.now()
        row.save(update_fields=["state", "since", "written_off_at"])
        tell()
    return Given(sum(loss.lost for loss in found), row.seen["at"] if row.seen else None)


def _answers(url: str, identity: str) -> bool:
    try:
        return identify(url) == identity
    except (redis.RedisError, OSError):
        return False
