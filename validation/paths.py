"""Places in a payload: keys of objects within objects, written with dots (`gps.lat`) or as a JSON pointer (`/gps/lat`).

A pointer (RFC 6901) starts with a slash and can name keys that have dots. A path leads through objects only: a number
in it is a key like any other, and not a place in an array.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Parts = tuple[str, ...]  # the keys on the way, the outermost first

MAX_LEVELS = 8  # payloads of real devices have two or three
# Keys of a payload are compared as they stand in it, so they hold nothing that JSON writes as an escape.
KEY = re.compile(r'[^"\\\x00-\x1f]{1,63}')
BAD_ESCAPE = re.compile(r"~(?![01])")


def parts(path: str) -> Parts:
    """Return the keys that a path leads through."""
    if path.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in path[1:].split("/"))
    return tuple(path.split("."))


def text_of(keys: Parts) -> str:
    """Return the path that leads through some keys: with dots where that can be read back, else as a pointer."""
    dotted = ".".join(keys)
    return dotted if parts(dotted) == keys else pointer(*keys)


def pointer(*keys: str | int) -> str:
    """Return a JSON pointer (RFC 6901) to a place in a payload."""
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def fault_of_path(path: str) -> str | None:
    """Return why a path cannot be used, as a sentence for people; None when it can."""
    keys = parts(path)
    if len(keys) > MAX_LEVELS:
        return f"The path {path[:80]!r} is {len(keys)} levels deep; {MAX_LEVELS} are allowed."
    if path.startswith("/") and BAD_ESCAPE.search(path):
        return f"In the path {path!r} a ~ must be followed by 0 (for ~) or 1 (for /), as in every JSON pointer."
    for key in keys:
        if not KEY.fullmatch(key):
            return f"In the path {path[:80]!r} each key must be 1 to 63 characters without quotes, \\ or line breaks."
        if not key.isprintable():
            return f"In the path {path!r} the key {key!a} holds a character that nobody can see."
    return None


@dataclass(slots=True)
class Taken:
    """Which places of a payload are spoken for, to find two that cannot both be: a value is no object."""

    _values: set[Parts] = field(default_factory=set)
    _objects: set[Parts] = field(default_factory=set)

    def take(self, path: str) -> str | None:
        """Take a place; return why it cannot be taken, as a sentence for people, and None when it is taken now."""
        fault = fault_of_path(path)
        if fault is not None:
            return fault
        keys = parts(path)
        above = [keys[:level] for level in range(1, len(keys))]
        if keys in self._values:
            return f"The place {path!r} is used twice."
        clash = next((place for place in above if place in self._values), keys if keys in self._objects else None)
        if clash is not None:
            return f"The path {path!r} cannot be used: {text_of(clash)!r} would be both a value and an object."
        self._values.add(keys)
        self._objects.update(above)
        return None
