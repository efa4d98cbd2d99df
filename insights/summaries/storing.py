"""Make the summaries that are due, once a slot, and forget old ones.

A slot is an hour or a day (UTC) that has ended. The task may run in several workers, or twice: the first row of a
schedule and slot wins, and a slot that nobody made is made by the next run, so long as it is the newest one.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from django.db import IntegrityError, transaction

from insights.models import StoredSummary, SummarySchedule
from insights.summaries.service import summary, told
from validation.history.question import Unanswerable
from validation.selectors import TooSlow

log = logging.getLogger(__name__)

# After a slot's end, so that what was on its way is in: a worker behind by more makes the summary miss some readings.
SETTLES = timedelta(seconds=90)
KEEP = timedelta(days=400)  # a year can be compared with the one before; a summary with its facts has some 20 KB
MINUTE = timedelta(minutes=1)


def make_due(now: datetime) -> int:
    """Make the summaries whose slot has ended and that nobody made yet; return how many. Blocks for the database."""
    made = 0
    for schedule in SummarySchedule.objects.filter(enabled=True).select_related("model"):
        slot = int((now - SETTLES).timestamp()) // schedule.every
        if not StoredSummary.objects.filter(schedule=schedule, slot=slot).exists():
            made += _make(schedule, slot)
    StoredSummary.objects.filter(end__lt=now - KEEP).delete()
    return made


def _make(schedule: SummarySchedule, slot: int) -> int:
    """Make the summary of a slot; return 0 when somebody else was first, or when there is nothing to tell."""
    end = datetime.fromtimestamp(slot * schedule.every, UTC)
    length = timedelta(seconds=schedule.every)
    try:
        found = summary(now=end - MINUTE, length=length, model=schedule.model.name, tag=schedule.tag or None)
    except (Unanswerable, TooSlow) as error:
        log.warning("no summary of %s until %s: %s", schedule, end, error)
        return 0
    row = StoredSummary(
        schedule=schedule,
        slot=slot,
        model=schedule.model,
        tag=schedule.tag,
        start=end - length,
        end=end,
        text=found.text,
        facts=[told(fact) for fact in found.facts],
        readings=found.readings,
        engine=found.engine,
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        log.info("the summary of %s until %s was made by somebody else", schedule, end)
        return 0
    return 1
