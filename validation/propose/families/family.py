"""What a family of devices is: by which topics and keys it is recognised, and what its documentation says."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from validation.spec import Kind


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What documentation says of a value. `skip` leaves it out: it says nothing about what is measured."""

    name: str = ""
    kind: Kind | None = None
    unit: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    label: str = ""
    description: str = ""
    skip: bool = False


SKIP = Hint(skip=True)


class Family(msgspec.Struct, frozen=True, kw_only=True):
    """A family of devices. Paths are written with dots; in those of `hints` a * stands for any text.

    It is recognised where `signs` stand in most readings, at least `enough` words of `words` name fields, and, when
    `needs_topic`, each topic matches one of `topics`.
    """

    name: str
    model: str  # what to call a model of it
    source: str  # the address of the documentation that this was written from
    topics: tuple[str, ...] = ()  # the filters of its topics, the usual one first
    own_levels: tuple[int, ...] = ()  # wildcards of `topics` that are no device: a model is for one value of them
    needs_topic: bool = False
    signs: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    enough: int = 0
    device_level: int = 0  # which wildcard names the device, from 1; 0: nothing is known
    device_path: str = ""
    time_path: str = ""
    has_time: bool = True  # whether a reading may have a time at all
    sequence_path: str = ""
    wrappers: tuple[str, ...] = ()  # leading keys that names leave out
    hints: tuple[tuple[str, Hint], ...] = ()  # the first that fits counts
    notes: tuple[str, ...] = ()

    def hint(self, path: str) -> Hint | None:
        """Return what the documentation says of a value."""
        return next((hint for pattern, hint in self.hints if fnmatchcase(path, pattern)), None)
