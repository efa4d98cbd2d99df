"""What the watcher has done, for people: sums in one row of a table."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone

from insights.models import WatchCount

ONLY = 1  # the number of the row


@dataclass(slots=True)
class Counts:
    """What happened since it was last written; `behind_s` is how far the device that waits longest is behind."""

    readings: int = 0
    values: int = 0
    findings: int = 0
    skipped: int = 0
    suppressed: int = 0
    behind_s: float = 0.0

    def write(self) -> None:
        """Add it to the row, and begin anew. Blocks for the database."""
        sums = {name: getattr(self, name) for name in ("readings", "values", "findings", "skipped", "suppressed")}
        now = {"at": timezone.now(), "behind_s": self.behind_s}
        if not WatchCount.objects.filter(pk=ONLY).update(**{name: F(name) + sums[name] for name in sums}, **now):
            WatchCount.objects.create(pk=ONLY, **sums, **now)
        self.readings = self.values = self.findings = self.skipped = self.suppressed = 0
