"""What Celery runs for this room: thin doors to its services."""

from __future__ import annotations

from datetime import UTC, datetime

from insights.summaries.storing import make_due
from validation.tasks import task


@task("insights.summarize")
def summarize() -> None:
    """Make the summaries that are due."""
    make_due(datetime.now(UTC))
