"""Results as JSON: times in ISO 8601, no NaN, texts cut, and no more than an agent can read. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import numpy as np

LONGEST_TEXT = 300  # characters of a text that came from a device or a person; what is longer is cut
LONGEST_OWN = 6_000  # characters of a text of ours
MOST_BYTES = 48 * 1024  # of one result; some twelve thousand tokens
OWN = ("text", "sentence", "caution")  # keys whose texts are ours


def plain(value: Any, longest: int = LONGEST_TEXT) -> Any:
    """Return a value as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): plain(part, LONGEST_OWN if key in OWN else LONGEST_TEXT) for key, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [plain(part, longest) for part in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, bool | int | None):
        return value
    if isinstance(value, np.integer):
        return int(value)
    if isinstance(value, datetime):
        return value.isoformat()
    return cut(str(value), longest)


def cut(text: str, longest: int) -> str:
    """Return a text without control characters, at most so long."""
    shown = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def encoded(value: Any) -> str:
    """Return a value as JSON text."""
    return msgspec.json.encode(plain(value)).decode()
