"""Begin, stop and resume replays, and have a worker take them further."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import transaction

from validation.models import Quarantined, Replay
from validation.quarantine import Selection
from validation.replay.records import chosen
from validation.selectors import bounded_read
from validation.turns import Turns

log = logging.getLogger(__name__)

TASK = "validation.replay"
TURNS = Turns(TASK, "replay")
# A running replay that nobody has touched for this long has lost its worker. A step takes some hundred milliseconds.
ABANDONED_AFTER = timedelta(seconds=30)
MAX_NAME = 150  # characters of who began it


def start(selection: Selection, *, dry_run: bool, by: str, foreground: bool = False) -> Replay:
    """Begin to judge the selected records again, those that are there now; a dry run only says what would become.

    A worker does the work as soon as this is committed. With `foreground` the caller does, with `advance`; a worker
    takes over when it dies. Raises selectors.TooSlow.
    """
    last = Quarantined.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    with bounded_read():
        total = chosen(selection).filter(pk__lte=last).count()
    said = {name: value for name, value in msgspec.to_builtins(selection).items() if value not in (None, (), [])}
    run = Replay.objects.create(
        selection=said, dry_run=dry_run, created_by=by[:MAX_NAME], last=last, total=total, outcome={"failing": []}
    )
    log.info("%s begins with %d records%s", run, total, ", dry" if dry_run else "")
    if not foreground:
        transaction.on_commit(lambda: TURNS.wake(run.pk))
    return run


def stop(replay_id: int) -> None:
    """Stop a replay that runs; what it has done stays done. Waits for the step that is under way."""
    Replay.objects.filter(pk=replay_id, state=Replay.State.RUNNING).update(
        state=Replay.State.STOPPED, updated_at=datetime.now(UTC)
    )


def resume(replay_id: int, *, foreground: bool = False) -> bool:
    """Go on with a replay that was stopped or has failed; say whether there was one. See `start` for who goes on."""
    found = Replay.objects.filter(pk=replay_id, state__in=(Replay.State.STOPPED, Replay.State.FAILED))
    resumed = found.update(state=Replay.State.RUNNING, error="", updated_at=datetime.now(UTC))
    if resumed and not foreground:
        transaction.on_commit(lambda: TURNS.wake(replay_id))
    return bool(resumed)


def newest(limit: int) -> list[Replay]:
    """Return the newest replays, the newest first."""
    return list(Replay.objects.order_by("-pk")[:limit])


def abandoned(now: datetime | None = None) -> list[int]:
    """Return the replays that run and that nobody has taken further for ABANDONED_AFTER."""
    since = (now or datetime.now(UTC)) - ABANDONED_AFTER
    found = Replay.objects.filter(state=Replay.State.RUNNING, updated_at__lt=since)
    return list(found.order_by("pk").values_list("pk", flat=True))
