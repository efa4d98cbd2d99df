"""A running stack of the tests' own: `manage.py up` as people start it, on free ports and in a folder of its own.

It runs from a copy of the project; see `tests.project`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg

from dataflow.bench.processes import kind_of, memory_by_kind
from dataflow.embedded.ports import Ports
from dataflow.embedded.program import Program
from dataflow.lib.env import read_env_file
from tests.project import clean_environment, eventually

START_S = 120.0
STOP_S = 120.0
COMMAND_S = 120.0
SETTLE_S = 60.0  # for what is in flight to be stored
INTERRUPTED = 130


class RunningStack:
    """One stack: start and stop it, look at its processes and tables, run commands beside it, kill parts of it."""

    user = "admin"

    def __init__(
        self,
        project: Path,
        folder: Path,
        simulate: int,
        port: int | None = None,
        given: Mapping[str, str] | None = None,
        options: Sequence[str] = (),
    ) -> None:
        """`given` are the settings that somebody sets, such as a broker's URL; `options` are further ones of `up`."""
        self.project, self.folder, self.simulate = project, folder, simulate
        self.port = port or Ports(anywhere=True).take(0)
        self.given, self.options = dict(given or {}), tuple(options)
        self.data_dir = folder / "var"
        self._screen, self._log = folder / "up.out", folder / "up.log"
        self._up: subprocess.Popen[bytes] | None = None
        self.memory_at_start: Counter[str] = Counter()  # bytes by kind of process

    # --- Start and stop ----------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it and wait until it is ready: site, bridge and vehicles."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # PostgreSQL may run as another user
        command = (sys.executable, str(self.project / "manage.py"), "up")
        options = ("--simulate", str(self.simulate), "--port", str(self.port), *self.options)
        # On a leash, so that nothing stays behind when the tests themselves are killed.
        program = Program(name="up", argv=(*command, *options), orphan_signal=signal.SIGTERM)
        with self._screen.open("wb") as screen, self._log.open("wb") as log:
            self._up = subprocess.Popen(
                program.command(), stdin=subprocess.DEVNULL, stdout=screen, stderr=log, env=self.environment, cwd="/"
            )
        self._wait_until_ready()
        self.memory_at_start = memory_by_kind(self.processes())

    def stop(self) -> None:
        """Press Ctrl-C, and see that it ends in order."""
        assert self._up is not None
        self._up.send_signal(signal.SIGINT)
        try:
            code = self._up.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.end()
            raise
        self._up = None
        assert code == INTERRUPTED, self.log
        assert "killed" not in self.log.partition("stopping in order")[2], self.log

    def end(self) -> None:
        """Make sure that nothing of it runs any more, however it went."""
        if self._up is not None and self._up.poll() is None:
            self._up.terminate()
            try:
                self._up.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._up.terminate()  # the second signal stops at once
                self._up.wait(STOP_S)
        self._up = None

    @property
    def is_running(self) -> bool:
        """Tell whether it was started and not stopped since."""
        return self._up is not None

    def _wait_until_ready(self) -> None:
        connected = f"{self.simulate} of {self.simulate} devices connected"
        eventually(lambda: self._ended() or "dataflow is running at" in self._screen.read_text(), "it runs", START_S)
        eventually(lambda: self._ended() or self.answers("/readyz"), "the site is ready", START_S)
        eventually(lambda: self._ended() or ": connected to mqtt" in self.log, "the bridge is connected", START_S)
        if self.simulate:
            eventually(lambda: self._ended() or connected in self.log, "the vehicles are connected", START_S)

    def _ended(self) -> bool:
        assert self._up is not None
        assert self._up.poll() is None, f"it ended with status {self._up.returncode}:\n{self.log}"
        return False

    # --- Look at it --------------------------------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """Return what people have in their environment who work with this stack."""
        return clean_environment() | {"DATA_DIR": str(self.data_dir)} | self.given

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings that lead to its services."""
        return read_env_file(self.data_dir / "stack.env") | self.given

    @property
    def url(self) -> str:
        """Return the site's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """Return the administrator's generated password."""
        return (self.data_dir / "admin-password").read_text().strip()

    @property
    def log(self) -> str:
        """Return what all its processes have printed."""
        return self._log.read_text(errors="replace")

    @property
    def mqtt311(self) -> tuple[str, int]:
        """Return host and port for clients of MQTT 3.1.1."""
        parts = urlsplit(self.settings.get("MQTT311_URL") or self.settings["MQTT_URL"])
        return parts.hostname or "127.0.0.1", parts.port or 1883

    def answers(self, path: str) -> bool:
        """Tell whether the site answers a path with success."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=5):
                return True
        except (urllib.error.URLError, OSError):
            return False

    @contextmanager
    def database(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """Open a connection to its database; nothing is committed."""
        with psycopg.connect(self.settings["DATABASE_URL"]) as connection:
            yield connection
            connection.rollback()

    def query(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self.database() as connection:
            return connection.execute(sql, values).fetchall()

    # --- Run commands beside it --------------------------------------------------------------------------------------

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of a command of the project."""
        return [sys.executable, str(self.project / "manage.py"), *arguments]

    def manage(self, *arguments: str, code: int = 0) -> str:
        """Run a command to its end and return what it printed; fail when its exit code is another one."""
        done = subprocess.run(
            self.command(*arguments), env=self.environment, cwd="/", capture_output=True, text=True, timeout=COMMAND_S
        )
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """Run a command with --json and return its answer."""
        return json.loads(self.manage(*arguments, "--json", code=code))

    def spawn(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command; it ends with the tests at the latest. What it logs goes to a file, for `spawn_log`."""
        program = Program(name=arguments[0], argv=tuple(self.command(*arguments)), orphan_signal=signal.SIGKILL)
        with (self.folder / "spawned.log").open("wb") as log:
            return subprocess.Popen(
                program.command(), env=self.environment, cwd="/", stdout=subprocess.PIPE, stderr=log, text=True
            )

    @property
    def spawn_log(self) -> str:
        """Return what the command that was spawned last has logged."""
        return (self.folder / "spawned.log").read_text(errors="replace")

    def audit(self) -> dict[str, Any]:
        """Return the books once nothing is in flight: balanced, or the test fails."""
        books, deadline = self.json("audit"), time.monotonic() + SETTLE_S
        while books["in_flight"] and time.monotonic() < deadline:
            books = self.json("audit")
        assert books["in_flight"] == 0, books
        assert books["balanced"] is True
        assert books["received"] == books["stored"] + books["duplicate"] + books["quarantined"]
        return dict(books)

    # --- Its processes -----------------------------------------------------------------------------------------------

    def processes(self, kind: str | None = None) -> list[psutil.Process]:
        """Return its living processes, of one kind (as `dataflow.bench.processes` names them) or all."""
        assert self._up is not None
        root = psutil.Process(self._up.pid)
        found = []
        for process in (root, *root.children(recursive=True)):
            try:
                if kind in (None, kind_of(process)) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return sorted(found, key=lambda process: process.pid)

    def server_of(self, url: str) -> psutil.Process:
        """Return its process that listens on the port of a URL; wait for one that is just started again."""
        port = urlsplit(url).port

        def listening() -> list[psutil.Process]:
            return [
                process
                for process in self.processes()
                if any(one.laddr.port == port and one.status == psutil.CONN_LISTEN for one in connections_of(process))
            ]

        eventually(lambda: bool(listening()), f"something of the stack listens on port {port}", 30)
        return listening()[0]

    def kill(self, kind: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to the first process of a kind and return its id; wait for one that is just started again."""
        eventually(lambda: bool(self.processes(kind)), f"a process of the kind {kind} runs", 30)
        process = self.processes(kind)[0]
        process.send_signal(number)
        return process.pid

    def restarts(self, name: str) -> int:
        """Return how often `up` has said that it starts a process of a name again."""
        return sum(line.startswith(f"{name} ") and "starting it again" in line for line in self.log.splitlines())


def connections_of(process: psutil.Process) -> list[Any]:
    """Return the sockets of a process, none when it ends while it is looked at."""
    try:
        return list(process.net_connections())
    except psutil.NoSuchProcess:
        return []
