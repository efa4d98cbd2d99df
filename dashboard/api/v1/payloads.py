"""Write what devices sent into JSON, whatever it was: bytes that are no text, numbers of any size, lone surrogates."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import orjson

from validation.quarantine import readable


def shown_payload(payload: bytes) -> dict[str, Any]:
    """Return a payload as base64, as a text for people, and as the JSON that it is, null when it is none."""
    return {
        "payload": base64.b64encode(payload).decode(),
        "text": readable(payload.decode("utf-8", "backslashreplace")),
        "decoded": as_json(payload),
    }


def as_json(payload: bytes) -> orjson.Fragment | None:
    """Return a payload that is JSON, to stand in an answer byte by byte: no number changes on the way."""
    try:
        msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # also a number beyond what a float holds
        return None
    return orjson.Fragment(payload)


def exact(value: Any) -> orjson.Fragment:
    """Return a value that may quote what a device sent, as JSON; also where orjson refuses it."""
    plain = msgspec.to_builtins(value)
    try:
        return orjson.Fragment(orjson.dumps(plain))
    except TypeError:  # an integer beyond 64 bits, a lone surrogate, deep nesting
        return orjson.Fragment(json.dumps(plain).encode())
