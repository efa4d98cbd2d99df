"""Look closely at a payload that is large or unusual: bounds first, then well-formedness, each with its reason.

Most payloads never come here. Those that do are the ones that msgspec alone would judge too kindly, because it skips
what a model does not name: text that is not UTF-8, U+0000 (which PostgreSQL refuses), depth, and sheer size.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any

import orjson

from validation.paths import pointer
from validation.spec import Reason

SUSPICIOUS_BYTES = 4_096  # above this a payload may hold enough keys to be worth a look
MAX_PAYLOAD_BYTES = 262_144  # a reading is some hundred bytes; this leaves room for arrays of a thousand
MAX_KEYS = 1_000  # of one reading, at all levels; a payload needs more than SUSPICIOUS_BYTES to hold them
MAX_READINGS = 2_000  # of one message
# Paths have 8 levels. Far below the depths at which orjson, msgspec and JSON Schema each give up differently.
MAX_DEPTH = 100
BACKSLASH = ord("\\")


def suspicious(payloads: Sequence[bytes]) -> Container[int]:
    """Say cheaply which of some payloads, by their places, need the closer look; mostly none does."""
    together = b"".join(payloads)
    if together.isascii() and BACKSLASH not in together and max(map(len, payloads), default=0) <= 2 * MAX_DEPTH:
        return ()
    return {place for place, payload in enumerate(payloads) if is_suspicious(payload)}


def is_suspicious(payload: bytes) -> bool:
    """Say cheaply whether a payload needs the closer look."""
    # A number in bytes is a search for one byte, many times as fast as one for b"\\u".
    return (len(payload) > 2 * MAX_DEPTH and _is_large(payload)) or BACKSLASH in payload or not payload.isascii()


def _is_large(payload: bytes) -> bool:
    return len(payload) > SUSPICIOUS_BYTES or payload.count(b"[") + payload.count(b"{") > MAX_DEPTH


def parse(payload: bytes) -> tuple[Any, list[Reason]]:
    """Return the decoded JSON and no reasons, or None and the reasons why it must not be used."""
    if len(payload) > MAX_PAYLOAD_BYTES:
        return None, [_reason("too_large", "bytes", len(payload), MAX_PAYLOAD_BYTES, "a message")]
    if not payload.strip():
        return None, [Reason("empty", "", "The payload is empty.")]
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return None, [Reason("not_utf8", "", f"Not UTF-8 from byte {error.start} on.")]
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return None, [Reason(_code(error.msg), "", f"Not JSON that can be read: {error}.")]
    faults = _faults_of_size(payload, value) or _faults_of_depth(payload, value) or _faults_of_text(payload, value)
    return (None, faults) if faults else (value, [])


def _code(words: str) -> str:
    """Return the code for what orjson says is wrong."""
    if "depth" in words:
        return "too_deep"
    return "number_range" if "infinity" in words else "not_json"


def _reason(code: str, what: str, count: int, allowed: int, where: str) -> Reason:
    return Reason(code, "", f"{count:,} {what}; {allowed:,} are allowed in {where}.")


def _faults_of_size(payload: bytes, value: Any) -> list[Reason]:
    readings = value if isinstance(value, list) else [value]
    if len(readings) > MAX_READINGS:
        return [_reason("too_many_readings", "readings", len(readings), MAX_READINGS, "a message")]
    keys = max(map(_count_keys, readings), default=0) if len(payload) > SUSPICIOUS_BYTES else 0
    return [_reason("too_many_keys", "keys", keys, MAX_KEYS, "a reading")] if keys > MAX_KEYS else []


def _count_keys(reading: Any) -> int:
    """Count the keys of a reading, one level after the other."""
    count, level = 0, [reading] if isinstance(reading, (dict, list)) else []
    while level:
        count += sum(len(item) for item in level if isinstance(item, dict))
        level = [child for item in level for child in _children(item) if isinstance(child, (dict, list))]
    return count


def _faults_of_depth(payload: bytes, value: Any) -> list[Reason]:
    """Count levels, one after the other, so that depth costs no stack."""
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
        return []
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item) if isinstance(child, (dict, list))]
    return [Reason("too_deep", "", f"More than {MAX_DEPTH} arrays and objects in one another.")] if level else []


def _children(item: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return item.values() if isinstance(item, dict) else item


def _faults_of_text(payload: bytes, value: Any) -> list[Reason]:
    """Find U+0000, which JSON can only write as an escape."""
    if b"\\u0000" not in payload:
        return []
    place = _nul_character(value)
    if place is None:
        return []
    return [Reason("nul_character", pointer(*place)[:500], "U+0000 cannot be stored in a text.")]


def _nul_character(item: Any) -> tuple[str | int, ...] | None:
    """Return where U+0000 stands, as keys and indices; a key that holds it is at the object. At most MAX_DEPTH deep."""
    if isinstance(item, str):
        return () if "\0" in item else None
    pairs = item.items() if isinstance(item, dict) else enumerate(item) if isinstance(item, list) else ()
    for key, child in pairs:
        if isinstance(key, str) and "\0" in key:
            return ()
        place = _nul_character(child)
        if place is not None:
            return (key, *place)
    return None
