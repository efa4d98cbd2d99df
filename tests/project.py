"""The project as it stands alone: without the settings and data of whoever works in this folder.

A `.env` in the project's folder, or somebody's shell, would lead what the tests start to services that are not for
tests.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

BASE = Path(__file__).resolve().parent.parent
ROOMS = ("dataflow", "ingest", "validation", "insights", "dashboard", "simulators")
# What the tests' own services and somebody's shell may set, and a stack that is to find its own must not see.
SETTINGS = (
    "DATABASE_URL", "REDIS_URL", "BUFFER_URLS", "MQTT_URL", "MQTT311_URL", "MQTT_SHARED", "MQTT_TOPICS", "SECRET_KEY",
    "SITE_URL", "DATA_DIR", "ALLOWED_HOSTS", "DEBUG", "LOG_LEVEL", "HTTP_INGEST_TOPIC",
)  # fmt: skip


def copy_of_project(folder: Path) -> Path:
    """Copy what runs into a folder, without settings and data of whoever works in this one."""
    for room in ROOMS:
        shutil.copytree(BASE / room, folder / room, ignore=shutil.ignore_patterns("tests", ".*"))
    shutil.copy2(BASE / "manage.py", folder)
    if (BASE / "node_modules").is_dir():
        (folder / "node_modules").symlink_to(BASE / "node_modules")
    return folder


def clean_environment() -> dict[str, str]:
    """Return this process's environment without any setting of the platform, and without what pytest has set."""
    names = {"DJANGO_SETTINGS_MODULE", *SETTINGS, *(f"{name}_FILE" for name in SETTINGS)}
    return {name: value for name, value in os.environ.items() if name not in names}


def eventually(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait until something is so; fail with what it was after the given time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds:g} s still not so: {what}"
        time.sleep(0.05)
