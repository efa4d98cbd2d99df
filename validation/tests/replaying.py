"""A vehicle whose speed limit is wrong, for tests of what that does to its readings and how they are mended."""

from __future__ import annotations

import time
from typing import Any

from django.db import connection

from validation import replay
from validation.ledger import Tally, Version
from validation.models import DataModel, Field, LedgerEntry, LedgerVerdict, Replay
from validation.publishing import publish
from validation.quarantine import Selection
from validation.writing import Writer

TOPIC = "vehicles/vehicle_01/telemetry"
START = time.time() - 10_000


def reading(number: int, speed: float = 50) -> dict[str, float]:
    """Return a reading of its own moment."""
    return {"timestamp": START + number, "seq": number, "speed": speed}


def limit_speed(maximum: float) -> None:
    """Publish the vehicle with another maximum speed."""
    Field.objects.filter(model__name="vehicle", name="speed").update(maximum=maximum)
    publish(DataModel.objects.get(name="vehicle"))


def replayed(selection: Selection | None = None, *, dry_run: bool = False) -> Replay:
    """Replay in this process until it is done, and return what it came to."""
    run = replay.start(selection or Selection(), dry_run=dry_run, by="a test", foreground=True)
    finish(run)
    return run


def finish(run: Replay) -> None:
    """Take a replay to its end in this process."""
    writer, deadline = Writer(), time.monotonic() + 60
    while replay.advance(run.pk, 60, writer):
        assert time.monotonic() < deadline, "a replay does not end"
    run.refresh_from_db()


def rows(columns: str = "seq", model: str = "vehicle") -> list[Any]:
    """Return what is stored, by time and sequence."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f"telemetry.{model}"])
        if cursor.fetchone() == (None,):
            return []
        cursor.execute(f"SELECT {columns} FROM telemetry.{model} ORDER BY ts, seq")
        return [row[0] if len(row) == 1 else row for row in cursor.fetchall()]


def verdicts() -> dict[Version, tuple[int, int, int]]:
    """Return what each version of each model has judged, from single entries and from settled minutes."""
    sums: dict[Version, Tally] = {}
    found = [row for entry in LedgerEntry.objects.all() for row in entry.verdicts]
    found += LedgerVerdict.objects.values_list("model", "version", "stored", "duplicate", "quarantined")
    for model, version, *counts in found:
        sums.setdefault((model, version), Tally()).add(Tally(*counts))
    return {key: (tally.stored, tally.duplicate, tally.quarantined) for key, tally in sums.items() if tally}
