"""What is known of a buffer whose data is gone: what it took, and what of it was never judged.

What a buffer had counted is looked at every few seconds (`validation.ring`), so its books are known up to the last
look. Whatever it took after that and nobody judged, nobody can know.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection

from ingest.models import Buffer
from validation.models import LedgerSettlement


@dataclass(frozen=True, slots=True)
class Loss:
    """The loss of a buffer in a minute: messages in no count of PostgreSQL, and messages that were never judged."""

    minute: int
    uncounted: int
    lost: int


def losses(row: Buffer, since: int = 0) -> list[Loss]:
    """Return what is known of the loss of a buffer that is gone, by minute. Two queries."""
    number = LedgerSettlement.objects.filter(buffer=row.identity).values_list("number", flat=True).first() or 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT minute, sum(received)::bigint, sum(messages)::bigint FROM ("
            "SELECT minute, received, messages FROM validation_ledgerminute WHERE buffer = %s UNION ALL "
            "SELECT minute, 0, messages FROM validation_ledgerentry WHERE buffer = %s) AS known GROUP BY minute",
            [row.identity, row.identity],
        )
        known = {minute: (received, messages) for minute, received, messages in cursor.fetchall()}
    took = taken({minute: received for minute, (received, _) in known.items()}, number, row.seen)
    found = []
    for minute in sorted(took.keys() | known.keys()):
        received, messages = known.get(minute, (0, 0))
        # What was judged was taken, also when its count died with the server.
        all_of_it = max(took.get(minute, 0), messages)
        loss = Loss(minute, all_of_it - received, all_of_it - messages)
        if minute >= since and (loss.uncounted or loss.lost):
            found.append(loss)
    return found


def taken(settled: Mapping[int, int], number: int, seen: Mapping[str, Any] | None) -> dict[int, int]:
    """Return what a buffer took by minute: what was settled, up to a number, and what was seen on it. Pure."""
    took = Counter(dict(settled))
    if seen is None:
        return dict(took)
    received = Counter({int(minute): count for minute, count in seen["received"].items()})
    if number > seen["number"]:
        # Settled after that look: of what was seen, some or all is in the sums by now.
        return dict(took | received)
    took.update(received)
    if number < seen["number"]:
        took.update({int(minute): count for minute, count in seen["settling"].items()})
    return dict(took)
