"""The clock of a process, wrong by the seconds in the file `clock`."""

from __future__ import annotations

import datetime
import os
import time
from pathlib import Path
from types import ModuleType

TARGET = "django.utils.timezone"
OFFSET_S = float((Path(os.environ["CHAOS_FOLDER"]) / "clock").read_text())
_time, _time_ns = time.time, time.time_ns


def wrong_time() -> float:
    """Return what the clock shows."""
    return _time() + OFFSET_S


def wrong_now() -> datetime.datetime:
    """Return what the clock shows, for `django.utils.timezone.now`."""
    return datetime.datetime.now(tz=datetime.UTC) + datetime.timedelta(seconds=OFFSET_S)


def change(module: ModuleType) -> None:
    """Let Django ask the wrong clock, too."""
    module.now = wrong_now  # type: ignore[attr-defined]


time.time = wrong_time
time.time_ns = lambda: _time_ns() + int(OFFSET_S * 1e9)
