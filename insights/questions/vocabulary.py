"""What questions can be about, as far as the asker may see it: models with fields, devices, tags. Pure.

Whatever is not in here is unknown, and a question about it is answered like one about what does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from validation.spec import FieldSpec, ModelSpec

CHUNK = re.compile(r"[^\W\d_]+|\d+")
Parts = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownDevice:
    """A device, its tags, and the models that it sends readings of, with the seconds expected between two of them."""

    name: str
    intervals: dict[str, float]
    tags: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[str, ...]:
        """Return the models that it sends readings of."""
        return tuple(self.intervals)


@dataclass(frozen=True)
class Vocabulary:
    """Models by name and devices by name. `is_whole` is false where there are too many devices to know them all."""

    models: dict[str, ModelSpec]
    devices: dict[str, KnownDevice] = field(default_factory=dict)
    is_whole: bool = True

    @cached_property
    def by_parts(self) -> dict[Parts, list[str]]:
        """Return names of devices by the words and numbers that they are made of: `vehicle_03` is vehicle, 3."""
        found: dict[Parts, list[str]] = {}
        for name in self.devices:
            found.setdefault(parts_of(name), []).append(name)
        return found

    @cached_property
    def by_small(self) -> dict[str, list[str]]:
        """Return names of devices by their small letters."""
        found: dict[str, list[str]] = {}
        for name in self.devices:
            found.setdefault(name.casefold(), []).append(name)
        return found

    @cached_property
    def tags(self) -> frozenset[str]:
        """Return all tags."""
        return frozenset(tag for device in self.devices.values() for tag in device.tags)

    @cached_property
    def by_word(self) -> dict[str, list[Parts]]:
        """Return the parts of names by each word or number that is in them."""
        found: dict[str, list[Parts]] = {}
        for parts in self.by_parts:
            for word in dict.fromkeys(parts):
                found.setdefault(word, []).append(parts)
        return found

    def field(self, name: str) -> FieldSpec:
        """Return a field by `model.field`; raises KeyError for what there is not."""
        model, _, wanted = name.partition(".")
        return next(field for field in self.models[model].fields if field.name == wanted)

    def senders(self, model: str) -> list[KnownDevice]:
        """Return the devices that send readings of a model, by name."""
        return [device for _, device in sorted(self.devices.items()) if model in device.models]

    def with_part(self, words: Parts) -> list[str]:
        """Return the names of devices that have some words in a row, in alphabetical order."""
        rarest = min((self.by_word.get(word, []) for word in words), key=len)
        return sorted(name for parts in rarest if _holds(parts, words) for name in self.by_parts[parts])


def parts_of(name: str) -> Parts:
    """Return the words and numbers that a name is made of, in small letters and without leading zeros."""
    return tuple(part.lstrip("0") or "0" if part.isdigit() else part for part in CHUNK.findall(name.casefold()))


def _holds(parts: Parts, words: Parts) -> bool:
    return any(parts[at : at + len(words)] == words for at in range(len(parts) - len(words) + 1))


def in_words(names: Iterable[str], most: int = 8) -> str:
    """Return names as a list in a sentence, at most so many of them."""
    known = list(names)
    return ", ".join(known[:most]) + (f" and {len(known) - most:,} more" if len(known) > most else "")
