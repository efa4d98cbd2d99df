"""Look closely at a payload that is large or unusual: bounds first, then well-formedness, each with its reason.

Most payloads never come here. Those that do are the ones that msgspec alone would judge too kindly, because it skips
what a model does not name: text that is not UTF-8, U+0000 (which PostgreSQL refuses), and sheer size.
"""

from __future__ import annotations

from typing import Any

import orjson

from validation.spec import Reason

SUSPICIOUS_BYTES = 4_096  # above this a payload may hold enough keys or depth to be worth a look
MAX_PAYLOAD_BYTES = 262_144  # a reading is some hundred bytes; this leaves room for arrays of a thousand
MAX_KEYS = 1_000  # of one reading
MAX_READINGS = 10_000  # of one message


def is_suspicious(payload: bytes) -> bool:
    """Say cheaply whether a payload needs the closer look."""
    return len(payload) > SUSPICIOUS_BYTES or b"\\u" in payload or not payload.isascii()


def parse(payload: bytes) -> tuple[Any, list[Reason]]:
    """Return the decoded JSON and no reasons, or None and the reasons why it must not be used."""
    if not payload.strip():
        return None, [Reason("empty", "", "The payload is empty.")]
    if len(payload) > MAX_PAYLOAD_BYTES:
        detail = f"The payload has {len(payload):,} bytes; {MAX_PAYLOAD_BYTES:,} are allowed."
        return None, [Reason("too_large", "", detail)]
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        return None, [Reason("not_utf8", "", f"Not UTF-8 from byte {error.start} on.")]
    try:
        value = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        code = "too_deep" if "depth" in error.msg else "not_json"
        return None, [Reason(code, "", f"Not JSON that can be read: {error}.")]
    faults = _faults_of_size(value) or _nul_characters(value)
    return (None, faults) if faults else (value, [])


def _faults_of_size(value: Any) -> list[Reason]:
    if isinstance(value, list) and len(value) > MAX_READINGS:
        return [
            Reason(
                "too_many_readings",
                "",
                f"{len(value):,} readings; {MAX_READINGS:,} are allowed in a message.",
            )
        ]
    readings = value if isinstance(value, list) else [value]
    for reading in readings:
        if isinstance(reading, dict) and len(reading) > MAX_KEYS:
            return [Reason("too_many_keys", "", f"{len(reading):,} keys; {MAX_KEYS:,} are allowed in a reading.")]
    return []


def _nul_characters(value: Any) -> list[Reason]:
    """Find U+0000 in keys and texts. A list instead of recursion, so that depth costs no stack."""
    open_ends: list[tuple[str, Any]] = [("", value)]
    while open_ends:
        path, item = open_ends.pop()
        if isinstance(item, str) and "\0" in item:
            return [Reason("nul_character", path, "U+0000 cannot be stored in a text.")]
        if isinstance(item, dict):
            open_ends.extend((path, key) for key in item if "\0" in key)
            open_ends.extend((f"{path}/{key}", child) for key, child in item.items())
        elif isinstance(item, list):
            open_ends.extend((f"{path}/{index}", child) for index, child in enumerate(item))
    return []
