"""What a tool is, what it gives, and how it refuses. Pure.

Refused   the tool was not run, or had no answer: a code for programs, and a sentence that says what to do
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

Row = dict[str, Any]


class Refused(Exception):
    """A call that has no result: why, as a code for programs and in a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a tool found, in plain Python values.

    `text` is worded by templates. `facts` are the numbers (`name`, `value`, `unit`), `rows` what they rest on or what
    was listed, `in_all` how many rows there are, `more` what else is known, `sql` the statements.
    """

    text: str
    facts: list[Row] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    in_all: int | None = None
    more: dict[str, Any] = field(default_factory=dict)
    sql: str = ""

    def told(self) -> dict[str, Any]:
        """Return it as one mapping, without the statements."""
        counted = len(self.rows) if self.in_all is None else self.in_all
        return {"text": self.text, "facts": self.facts, "rows": self.rows, "rows_in_all": counted, **self.more}


@dataclass(frozen=True, slots=True)
class Tool:
    """A question of one kind: what it is called, what it does, what it takes (a struct), and what runs it."""

    name: str
    description: str
    takes: type[msgspec.Struct]
    run: Callable[[Any, datetime], Result]

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of its arguments."""
        whole = msgspec.json.schema(self.takes)
        found: dict[str, Any] = whole["$defs"][self.takes.__name__]
        return {name: value for name, value in found.items() if name not in ("title", "description")}
