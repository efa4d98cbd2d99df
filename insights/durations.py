"""Lengths of time as people write them: `90s`, `5m`, `24h`, `7d`, `2w`, or seconds. Pure."""

from __future__ import annotations

import re
from datetime import timedelta

DURATION = re.compile(r"(\d{1,10}(?:\.\d{1,6})?)([smhdw]?)", re.ASCII)
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
LONGEST_S = 100 * 366 * 86_400.0


def parse_duration(text: str) -> timedelta | None:
    """Return how long `90s`, `5m`, `1.5h`, `7d`, `2w` or a number of seconds is; None for anything else."""
    match = DURATION.fullmatch(text.strip())
    if not match:
        return None
    seconds = float(match[1]) * SECONDS[match[2]]
    return timedelta(seconds=seconds) if 0 < seconds <= LONGEST_S else None
