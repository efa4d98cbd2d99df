"""Who relies on a field of a model: asked before a field goes.

Rooms downstream register what they know; this room asks and does not know them. Its own answer is the draft's rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple


class Use(NamedTuple):
    """One thing that uses a field: what kind of thing, its name for people, and where it can be looked at."""

    kind: str  # chart, rule, export …
    name: str
    url: str
    field: str


Source = Callable[[str, frozenset[str]], Iterable[Use]]
_sources: list[Source] = []


def register(source: Source) -> None:
    """Have a source asked from now on: it gets a model's name and names of fields, and answers with their uses."""
    _sources.append(source)


def uses_of(model: str, fields: Iterable[str]) -> list[Use]:
    """Return what uses some fields of a model, by field, kind and name. Blocks for what the sources ask."""
    names = frozenset(fields)
    if not names:
        return []
    found = (use for source in _sources for use in source(model, names))
    return sorted(found, key=lambda use: (use.field, use.kind, use.name))
