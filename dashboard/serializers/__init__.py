"""What the API takes and gives. Answers are written straight from rows; their classes here are what OpenAPI says."""

from __future__ import annotations

from dashboard.serializers.common import (
    Credentials,
    DurationField,
    Error,
    Errors,
    Health,
    IssuedToken,
    MomentField,
    Readiness,
)
from dashboard.serializers.doors import IngestQuery, PublishRequest, PublishResult, Receipt
from dashboard.serializers.telemetry import (
    EntriesQuery,
    Entry,
    History,
    HistoryQuery,
    LatestQuery,
    LatestReading,
    StatusQuery,
    StatusRow,
)

__all__ = [
    "Credentials",
    "DurationField",
    "EntriesQuery",
    "Entry",
    "Error",
    "Errors",
    "Health",
    "History",
    "HistoryQuery",
    "IngestQuery",
    "IssuedToken",
    "LatestQuery",
    "LatestReading",
    "MomentField",
    "PublishRequest",
    "PublishResult",
    "Readiness",
    "Receipt",
    "StatusQuery",
    "StatusRow",
]
