"""What a detector says about a reading."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What is odd. The names are stored and sent, so they stay as they are."""

    SPIKE = "spike"  # one or a few values far from those around them
    LEVEL_SHIFT = "level_shift"  # the values of some time lie elsewhere than they ever did
    SPREAD = "spread"  # the values move more, or less, than they did
    STUCK = "stuck"  # the same value again and again where it used to change
    RHYTHM = "rhythm"  # not what this hour of the day or of the week usually brings
    MISSING = "missing"  # nothing came although it was due
    UNLIKE_PEERS = "unlike_peers"  # unlike other devices of the same model at the same time


@dataclass(frozen=True, slots=True)
class Verdict:
    """An odd reading: when, what, how sure, and what was expected instead.

    `at` is the event time in seconds since 1970; `value`, `low` and `high` are in the unit of the series. `score` is 0
    to 1, at least 0.5 for whatever a detector reports at the sensitivity it was asked with. `hourly` tells that the
    band is that of this hour of the day.
    """

    at: float
    kind: Kind
    score: float
    value: float
    low: float
    high: float
    hourly: bool = False
