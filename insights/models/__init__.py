"""What this room keeps: summaries."""

from insights.models.summaries import StoredSummary, SummarySchedule

__all__ = ["StoredSummary", "SummarySchedule"]
