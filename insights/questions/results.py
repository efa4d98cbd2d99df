"""What running a query gave: numbers, the rows that they rest on, and the SQL. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Row = dict[str, Any]


@dataclass
class Result:
    """The outcome of a query.

    `number` is what was asked for, in the unit of the field, in seconds for a length of time, in seconds since 1970
    for a moment, as a share of 1 for a correlation; None where there is not enough data, or where `by_device` holds
    several. `winner` is the device that it is of, where one was looked for, and `at` when it was. `others` are further
    figures by name, `in_all` how many rows there are of which `rows` holds the first ones.
    """

    number: float | None = None
    winner: str | None = None
    at: datetime | None = None
    by_device: dict[str, float | None] = field(default_factory=dict)
    text: str | None = None
    others: dict[str, Any] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    in_all: int = 0
    sql: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Tell that there is not enough data for an answer."""
        return self.number is None and self.text is None and not self.by_device
