"""What a trace finds, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a reading is."""

    STORED = "stored"
    QUARANTINED = "quarantined"
    IN_FLIGHT = "in flight"


@dataclass(slots=True)
class Hop:
    """A place that a reading came by, when, and what is known of it. `at` is None where nobody noted the time."""

    name: str
    at: datetime | None
    words: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Found:
    """One reading. `ts` is None where it says no time that can be read; `off_s`: seconds after what was asked for."""

    state: State
    model: str | None
    device: str
    ts: datetime | None
    seq: int | None
    received_at: datetime
    off_s: float
    version: int | None = None
    repeats: int = 0
    values: dict[str, Any] | None = None
    record: int | None = None  # of quarantine
    reasons: list[dict[str, str]] = field(default_factory=list)
    hops: list[Hop] = field(default_factory=list)
