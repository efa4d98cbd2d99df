"""What facts of numbers are made from, and how one is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable

from insights.facts.fact import Fact
from insights.facts.source import Origin, text_of
from insights.facts.tally import Sums, Tally
from validation.spec import FieldSpec


@dataclass(frozen=True, slots=True)
class Gathering:
    """What facts of numbers are made from: the window, the one before, and their sums."""

    cursor: CursorWrapper
    origin: Origin
    earlier: Origin
    fields: Sequence[FieldSpec]
    zone: str
    tally: Tally
    before: Sums
    usual: dict[str, tuple[float, float] | None]

    def fact(
        self, field: FieldSpec, name: str, label: str, value: float | None, sql: Composable, when: str = ""
    ) -> Fact:
        """Return a fact of a field; `sql` goes on after the rows of that field, which are called `part`."""
        number = self.fields.index(field)
        return Fact(
            name=f"{field.name}.{name}",
            label=f"{field.label or field.name}: {label}",
            value=None if value is None or np.isnan(value) else float(value),
            unit="" if name == "count" else field.unit,
            model=self.origin.subject.spec.name,
            window=self.origin.window,
            readings=int(self.tally.whole.count[0, number]),
            sql=with_part(self.origin, field, sql),
            field=field.name,
            when=when,
        )


def with_part(origin: Origin, field: FieldSpec, sql: Composable) -> str:
    """Return a statement about one field as text: the rows it is about, called `part`, and what becomes of them."""
    return text_of(SQL("WITH part AS (\n  {}\n)\n{};").format(origin.numbers([field]), sql))
