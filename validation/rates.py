"""How much of what comes passes, by model, over the last minutes: read from the books."""

from __future__ import annotations

import time
from typing import NamedTuple

from django.db import connection

MINUTES = 5


class Rate(NamedTuple):
    """Readings of a model in the last minutes; `accepted_share` is None when there were none."""

    stored: int
    duplicate: int
    quarantined: int
    per_second: float
    accepted_share: float | None


NOTHING = Rate(0, 0, 0, 0.0, None)


def accept_rates(minutes: int = MINUTES) -> dict[str, Rate]:
    """Return the rates of all models that anything came for, by name. Blocks for a scan of the newest books."""
    since = int(time.time() * 1000) - minutes * 60_000
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT m.name, sum((v->>2)::bigint), sum((v->>3)::bigint), sum((v->>4)::bigint) "
            "FROM validation_ledgerentry e CROSS JOIN jsonb_array_elements(e.verdicts) v "
            "JOIN validation_datamodel m ON m.id = (v->>0)::bigint WHERE e.entry_ms >= %s GROUP BY m.name",
            [since],
        )
        return {name: _rate(int(s), int(d), int(q), minutes) for name, s, d, q in cursor.fetchall()}


def _rate(stored: int, duplicate: int, quarantined: int, minutes: int) -> Rate:
    total = stored + duplicate + quarantined
    share = (stored + duplicate) / total if total else None
    return Rate(stored, duplicate, quarantined, total / (minutes * 60), share)
