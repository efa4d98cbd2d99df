"""Which processes make up the stack on this machine, and how much processor time each kind has used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from dataflow.stack import LOCK_FILE

# What a command line holds, and what its process is called in a report. The first match wins.
KINDS = (
    ("run_bridge", "bridge"),
    ("simulate_devices", "simulators"),
    ("celery -A dataflow beat", "scheduler"),
    ("run_watch", "watch"),
    ("celery", "workers"),
    ("daphne", "site"),
    ("postgres", "postgres"),
    ("valkey", "valkey"),
    ("redis-server", "redis"),
    ("mosquitto", "broker"),
    ("dataflow.embedded.broker", "broker"),
    ("rumqttd", "broker"),
    ("manage.py up", "up"),
)


def processes(data_dir: Path, urls: Iterable[str]) -> list[psutil.Process]:
    """Return the running `manage.py up` with all its children, and whoever listens on this machine's ports of the URLs.

    Processes on other machines, and those of other users that the system hides, are not among them.
    """
    roots = {pid for pid in (_pid_of_stack(data_dir),) if pid}
    ports = {parts.port for parts in map(urlsplit, urls) if parts.hostname in ("127.0.0.1", "localhost", "::1")}
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr.port in ports:  # type: ignore[union-attr]
            roots.add(connection.pid)
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        try:
            root = psutil.Process(pid)
            for process in (root, *root.children(recursive=True)):
                found[process.pid] = process
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def seconds_by_kind(stack: Iterable[psutil.Process]) -> Counter[str]:
    """Return the processor seconds, user and system, that each kind of process has used since it started.

    What children used that have ended is their parent's: PostgreSQL has a process for each connection.
    """
    used: Counter[str] = Counter()
    for process in stack:
        try:
            times = process.cpu_times()
            ended = times.children_user + times.children_system
            used[kind_of(process)] += times.user + times.system + ended  # type: ignore[assignment]  # no counts
        except psutil.NoSuchProcess:
            continue
    return used


def memory_by_kind(stack: Iterable[psutil.Process]) -> Counter[str]:
    """Return the bytes of memory that each kind of process takes: of pages that it shares with n others one part in n.

    So the sum is what the machine gives for all of them. Where the system does not tell (only Linux does, and only of
    processes of the same user), it is resident memory, shared pages counted in each.
    """
    held: Counter[str] = Counter()
    for process in stack:
        try:
            held[kind_of(process)] += _memory(process)
        except psutil.NoSuchProcess:
            continue
    return held


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


def kind_of(process: psutil.Process) -> str:
    """Return what a process is in a report: by its command line, else its own name."""
    line = " ".join(process.cmdline()) or process.name()
    return next((kind for mark, kind in KINDS if mark in line), process.name())


def _pid_of_stack(data_dir: Path) -> int | None:
    try:
        return int((data_dir / LOCK_FILE).read_text())
    except (OSError, ValueError):
        return None
