"""What a question has been understood to name so far. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from insights.questions.grammar.combining import Times
from insights.questions.query import Condition

FieldNames = tuple[str, ...]  # `model.field`: what a word may mean, one or several


@dataclass
class Meanings:
    """Devices, tags, models, fields, conditions and times of a question, each as it was found.

    `fields` has an entry for each word that names a field, with all fields that it may mean; `adjectives` likewise, of
    words such as "warmest". `is_all` says that all devices are meant in so many words,
    `is_each` that each of them is, and `is_one` that a single one is that was not named.
    """

    devices: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    fields: list[FieldNames] = field(default_factory=list)
    field_words: list[str] = field(default_factory=list)
    adjectives: list[FieldNames] = field(default_factory=list)
    limit: Limit | None = None
    times: Times = field(default_factory=Times)
    is_all: bool = False
    is_each: bool = False
    is_one: bool = False


@dataclass(frozen=True, slots=True)
class Limit:
    """A condition as it was written: `unit` is a UCUM code, or None where none was said."""

    condition: Condition
    unit: str | None
    words: str
