"""What a thousand live sockets cost: are their frames in time, is ingest slower, and what of readers that never read?

Four stretches of a steady load, one after the other: alone; with the sockets, each following ten devices; with a tenth
of them, for comparison; and with those beside readers that follow all devices and take nothing. The site is one
process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import psutil
from django.conf import settings

from dataflow.bench.processes import kind_of
from dataflow.bench.sockets import SPARE
from dataflow.bench.stored import stored_within_the_hour
from dataflow.bench.throughput import (
    PATIENCE_S,
    POLL_S,
    BenchFailed,
    Options,
    RunningLoad,
    new_prefix,
    settled_audit,
    stack_processes,
    wait_for_rows,
)
from dataflow.bench.visitor import live_url, token
from dataflow.embedded.program import Program

RATE = 5_000.0  # readings a second, unless somebody says otherwise
FOLLOWED = 10  # devices that a socket follows
WARM_UP_S = 3.0  # from the first row on
FEWER = 10  # times fewer sockets beside those that never read
NEVER_READ = 10
LONGER = 1.5  # times the other stretches: some frames fit into the kernel's buffers before something has to give way
OPENING_S = 0.3  # of one socket at most, on a busy machine: its token is looked up


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the four stretches, `options.seconds` each; return the figures. Blocks until all is stored."""
    site = _site(options.sockets)
    rate, long = options.rate or RATE, LONGER * options.seconds
    longest = 2 * options.seconds + 2 * long + OPENING_S * options.sockets
    load = RunningLoad(replace(options, rate=rate, count=round(rate * longest)), new_prefix())
    few = max(1, options.sockets // FEWER)
    try:
        _warm_up(load)
        say(f"{rate:,.0f} readings a second, no socket")
        with _ingest(load) as alone:
            time.sleep(options.seconds)
        with token() as secret:
            say(f"with {options.sockets:,} sockets")
            clients = Clients(load.prefix, options.sockets, options.seconds, secret)
            with _ingest(load) as beside:
                many = clients.result()
            say(f"with {few:,} sockets")
            before = Clients(load.prefix, few, options.seconds, secret).result()
            say(f"and with {NEVER_READ} that never read")
            never = _never_read(load.prefix, few, long, secret, site)
    finally:
        load.stop()
    wait_for_rows(load.prefix, load.answer["acked"])
    books = settled_audit()
    alone["share"] = round(beside["per_second"] / alone["per_second"], 3) if alone["per_second"] else None
    return {
        "benchmark": "fanout",
        "sockets": options.sockets,
        "devices_each": FOLLOWED,
        "rate": rate,
        "ingest": {
            **alone,
            "beside": beside["per_second"],
            "share": round(beside["per_second"] / alone["per_second"], 3),
        },
        "frames": many,
        "never_read": {**never, "sockets": few, "late_before": before["late"]},
        "ledger": asdict(books.total) | {"balanced": books.balanced},
    }


class Clients:
    """A process with sockets. It is there once they are all open."""

    def __init__(self, prefix: str, sockets: int, seconds: float, secret: str, *, never_read: bool = False) -> None:
        """Block until all sockets are open; raise BenchFailed when one is refused."""
        command = [sys.executable, "-m", "dataflow.bench.sockets", "--url", live_url()]
        command += ["--sockets", str(sockets), "--seconds", str(seconds)]
        if never_read:
            command += ["--never-read"]
        else:
            command += ["--devices", ",".join(f"{prefix}{number + 1:02}" for number in range(FOLLOWED))]
        # On a leash, so that it does not outlive a benchmark that is killed.
        program = Program(name="sockets", argv=tuple(command))
        self._process = subprocess.Popen(
            program.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchFailed("the sockets' process has no pipes")
        self._process.stdin.write(secret + "\n")
        self._process.stdin.close()
        self._out = self._process.stdout
        self.opened = self._line()

    def result(self) -> dict[str, Any]:
        """Wait for the end and return what it measured."""
        found = self._line()
        self._process.wait()
        return self.opened | found

    def stop(self) -> None:
        """End it now."""
        self._process.terminate()
        self._process.wait()

    def _line(self) -> dict[str, Any]:
        line = self._out.readline()
        if not line:
            raise BenchFailed("the sockets have ended; see their message above")
        found: dict[str, Any] = json.loads(line)
        return found


def _never_read(prefix: str, few: int, seconds: float, secret: str, site: psutil.Process) -> dict[str, Any]:
    """Return how much memory the site takes for readers that never read, and how late the frames of others are."""
    before = site.memory_info().rss
    stuck = Clients(prefix, NEVER_READ, 2 * seconds + 60, secret, never_read=True)
    try:
        beside = Clients(prefix, few, seconds, secret).result()
        grown = site.memory_info().rss - before
    finally:
        stuck.stop()
    return {"readers": NEVER_READ, "seconds": seconds, "site_grew_mb": round(grown / 1e6, 1), "late": beside["late"]}


def _warm_up(load: RunningLoad) -> None:
    """Wait until readings are stored, and a little longer; raise BenchFailed when none comes."""
    deadline = time.monotonic() + PATIENCE_S
    while not stored_within_the_hour(load.prefix):
        if time.monotonic() > deadline:
            raise BenchFailed("nothing of the load is stored; see `manage.py audit`")
        time.sleep(POLL_S)
    time.sleep(WARM_UP_S)


@contextmanager
def _ingest(load: RunningLoad) -> Iterator[dict[str, Any]]:
    """Count what is stored a second during a `with` block."""
    found: dict[str, Any] = {}
    began, before = time.monotonic(), stored_within_the_hour(load.prefix)
    yield found
    found["per_second"] = round((stored_within_the_hour(load.prefix) - before) / (time.monotonic() - began))


def _site(sockets: int) -> psutil.Process:
    """Return the site's process; raise BenchFailed when it runs elsewhere or may not open as many sockets."""
    site = next((process for process in stack_processes() if kind_of(process) == "site"), None)
    if site is None:
        raise BenchFailed("the site does not run on this machine, so its memory cannot be seen")
    allowed, _ = site.rlimit(psutil.RLIMIT_NOFILE)
    if allowed < sockets + SPARE:
        raise BenchFailed(f"the site may open {allowed:,} files, too few for {sockets:,} sockets (ulimit -n)")
    return site
