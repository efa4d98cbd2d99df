"""What a question comes to: a typed query, or a question back. Pure.

A query names what exists and nothing else; whatever runs it needs no word of the text that was asked.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Kind = Literal[
    "last", "average", "minimum", "maximum", "sum", "count", "when", "duration", "trend", "compare", "correlate",
    "rank", "list",
]  # fmt: skip
# What of the readings: `times` counts how often a condition began to hold, `seen` is the last sign of a device.
Measure = Literal["last", "first", "average", "minimum", "maximum", "sum", "readings", "times", "seen"]
Operator = Literal[">", ">=", "<", "<="]
About = Literal["devices", "models", "fields", "tags"]
Order = Literal["highest", "lowest"]
Status = Literal["online", "late", "offline"]

MAX_CHARACTERS = 500  # of a question; the longest of the evaluation has 90


class Condition(msgspec.Struct, frozen=True):
    """What a value is compared with, in the unit of the field."""

    op: Operator
    value: float


class Span(msgspec.Struct, frozen=True):
    """A time from `start` to `end`, which does not belong to it; None is as far as there is something stored."""

    start: datetime | None
    end: datetime | None


class Query(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A question that can be run: read-only, over named fields and devices.

    `fields` are `model.field`, two of them for a correlation. Without `devices` all that send the field are meant,
    or with `tags` those that have one of them. `start` and `end` are as in Span; of the kind `last` an `end` alone is
    the moment whose value is wanted, and it is included. `against` is the second period of a comparison.
    `is_default_span` says that no time was named.
    """

    kind: Kind
    fields: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    start: datetime | None = None
    end: datetime | None = None
    measure: Measure | None = None
    condition: Condition | None = None
    against: Span | None = None
    order: Order | None = None
    limit: int | None = None
    about: About | None = None
    status: Status | None = None
    zone: str = "UTC"
    is_default_span: bool = False


class AskBack(Exception):
    """A question that is not run, because it cannot be understood for sure: a code, a sentence, and what may be meant.

    `part` is the piece of the question that is in doubt, and `choices` what may stand in its place. With an empty
    part the choices are whole questions.
    """

    def __init__(self, code: str, sentence: str, part: str = "", choices: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.code, self.sentence, self.part, self.choices = code, sentence, part, choices
