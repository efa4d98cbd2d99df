"""What can be asked of history, as plain values, and the one error for what cannot be answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

Function = Literal["avg", "min", "max", "sum", "count", "first", "last"]
By = Literal["device", "tag", "all"]
Source = Literal["raw", "1m", "1h", "1d"]
FUNCTIONS: tuple[Function, ...] = get_args(Function)
BY: tuple[By, ...] = get_args(By)

MOST_FIELDS = 10  # of one question
MOST_SERIES = 100  # of one answer, without those of an earlier period; nobody can tell more lines apart
FEWEST_POINTS, DEFAULT_POINTS, MOST_POINTS = 10, 1_000, 5_000  # of a series; a screen is some 4,000 wide at most
ALL_DEVICES = "*"


class Unanswerable(Exception):
    """A question that has no answer: which part of it (`attr`), why in a sentence for people, and a code."""

    def __init__(self, attr: str, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.attr, self.code = attr, code


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """Which fields (`model.field`) of which devices, from when to when, in which buckets.

    `devices` holds names, or `*` for all that sent readings of the model; with `tags` only those that have one of
    them. Readings are taken from `start` to `end`, both included; of buckets those that hold any of that time, each
    of them whole. `points` is how many a series has at most. With `compare` the same is read a second time, that much
    earlier. Buckets of days, and of several hours, begin at midnight in `zone` (IANA). With `silences` a point without
    values stands where a device was silent.
    """

    fields: tuple[str, ...]
    start: datetime
    end: datetime
    devices: tuple[str, ...] = (ALL_DEVICES,)
    tags: tuple[str, ...] = ()
    bucket: Literal["auto", "raw"] | timedelta = "auto"
    function: Function = "avg"
    by: By = "device"
    points: int = DEFAULT_POINTS
    compare: timedelta | None = None
    zone: str = "UTC"
    silences: bool = True
