"""What this room keeps: summaries, findings, and how far it has looked."""

from insights.models.findings import Feedback, Finding, SeriesState, WatchCount
from insights.models.summaries import StoredSummary, SummarySchedule

__all__ = ["Feedback", "Finding", "SeriesState", "StoredSummary", "SummarySchedule", "WatchCount"]
