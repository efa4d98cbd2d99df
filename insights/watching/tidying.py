"""What is kept of findings, and for how long."""

from __future__ import annotations

from datetime import datetime, timedelta

from insights.models import Feedback, Finding
from insights.watching.state import Key
from validation.models import DataModel
from validation.retention.removing import days_kept
from validation.spec import ModelSpec

KEEP_DAYS = 365  # of a model whose readings are kept for good
FEEDBACK_DAYS = 365  # after which a series is as sensitive as if nobody had said anything
# An event of a device that sends nothing any more is not ended by a reading.
OVER = timedelta(hours=1)


def tidy(specs: dict[int, ModelSpec], silent: set[Key], now: datetime) -> int:
    """Delete findings that are older than their model's readings, and end those whose device is silent.

    Returns how many were deleted. Blocks for the database.
    """
    deleted = 0
    for model in DataModel.objects.filter(pk__in=specs):
        days = days_kept(specs[model.pk], "raw") or KEEP_DAYS
        deleted += Finding.objects.filter(model=model, open=False, end__lt=now - timedelta(days=days)).delete()[0]
        gone = [device for of, device in silent if of == model.pk]
        open_ones = Finding.objects.filter(model=model, open=True, device_id__in=gone, end__lt=now - OVER)
        open_ones.exclude(by=Finding.By.SILENCE).update(open=False)
    Feedback.objects.filter(at__lt=now - timedelta(days=FEEDBACK_DAYS)).delete()
    return deleted
