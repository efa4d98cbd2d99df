"""docker-compose.yml acted out without an engine: each service as a process of this machine.

Commands, settings, configurations and health checks are those of the file. Only what an engine would provide is
replaced: names and ports of other containers by ports of this machine, folders in containers by folders of the test.
Mosquitto and Redis are Debian's, PostgreSQL is the wheel's.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from dotenv import dotenv_values

from dataflow.embedded.ports import LOOPBACK, Ports
from dataflow.embedded.postgres import BINARIES, account_for
from dataflow.embedded.program import Account, Program
from dataflow.embedded.running import running, stop
from tests import composefile
from tests.composefile import EXAMPLE_FILE, ROOT
from tests.debian import PATH
from tests.project import clean_environment

PORTS = {"mosquitto": 1883, "redis": 6379, "buffer-1": 6379, "buffer-2": 6379, "postgres": 5432, "site": 8000}
CONFIGURATIONS = {"mosquitto": "mosquitto", "redis": "redis", "buffer-1": "redis", "buffer-2": "redis"}
# Folders in containers, and where they lie in the folder of a service here.
FOLDERS = {
    "/etc/dataflow": "etc",
    "/var/lib/dataflow": "data",
    "/mosquitto/data": "data",
    "/data": "data",
    "/tmp": "tmp",
}
A_FOLDER = re.compile(rf"(?<![\w/])({'|'.join(FOLDERS)})\b")
NEEDED = ("mosquitto", "mosquitto_sub", "mosquitto_passwd", "redis-server", "redis-cli")
SEARCH = f"{BINARIES}:{PATH}"
START_S, PAUSE_S = 120.0, 0.2


def missing_programs() -> list[str]:
    """Return the names of the programs that are not installed."""
    return [name for name in NEEDED if shutil.which(name, path=PATH) is None]


def new_values() -> dict[str, str]:
    """Return a .env as deploy/new-env.sh would write it."""
    return {name: secrets.token_hex(16) for name in dotenv_values(EXAMPLE_FILE, interpolate=False)}


def seconds(duration: str) -> float:
    """Return a duration of the file, such as 5s, as a number."""
    assert duration.endswith("s")
    return float(duration[:-1])


def check(service: dict[str, Any], adapt: Callable[[str], str], env: dict[str, str], folder: Path) -> bool:
    """Run the health check of a service as an engine would, and return whether it holds."""
    kind, *words = (adapt(word) for word in service["healthcheck"]["test"])
    command = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
    if command[0] == "python":
        command[0] = sys.executable
    limit = seconds(service["healthcheck"]["timeout"])
    try:
        return subprocess.run(command, env=env, cwd=folder, capture_output=True, timeout=limit).returncode == 0
    except subprocess.TimeoutExpired:
        return False


class Machine:
    """All services, each started on demand; a `with` block ends them."""

    def __init__(self, project: Path, folder: Path) -> None:
        self.values = new_values() | {"VEHICLES": "3"}
        self.services = composefile.services(self.values)
        self._project, self._folder = project, folder
        self._running = ExitStack()
        self._processes: dict[str, tuple[Program, subprocess.Popen[bytes]]] = {}
        ports = Ports(anywhere=True)
        self.ports = {name: ports.take(0) for name in PORTS}
        (folder / "logs").mkdir()

    def __enter__(self) -> Machine:
        return self

    def __exit__(self, *error: object) -> None:
        platform = [name for name in self._processes if self.services[name]["image"] == "dataflow"]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda name: stop(*self._processes[name]), platform))
        self._running.close()

    # --- What an engine would provide --------------------------------------------------------------------------------

    def folder(self, name: str) -> Path:
        """Return the folder that stands for a service's volumes and its folders in memory."""
        return self._folder / name

    def here(self, name: str, text: str) -> str:
        """Return a text of a service's part of the file as it has to be on this machine."""
        for other, port in PORTS.items():
            text = text.replace(f"{other}:{port}", f"{LOOPBACK}:{self.ports[other]}")
        if name in PORTS:
            text = re.sub(rf"\b{PORTS[name]}\b", str(self.ports[name]), text)
        text = text.replace("0.0.0.0", LOOPBACK)
        return A_FOLDER.sub(lambda match: str(self.folder(name) / FOLDERS[match[1]]), text)

    def environment(self, name: str) -> dict[str, str]:
        """Return the environment of a service."""
        own = {key: self.here(name, value) for key, value in self.services[name]["environment"].items()}
        return clean_environment() | {"PATH": SEARCH, "TMPDIR": self.here(name, "/tmp")} | own

    def _prepare(self, name: str) -> None:
        for inside in set(FOLDERS.values()):
            (self.folder(name) / inside).mkdir(parents=True, exist_ok=True)
        if name not in CONFIGURATIONS:
            return
        own = self.folder(name) / "etc"
        for source in (ROOT / "deploy" / CONFIGURATIONS[name]).iterdir():
            (own / source.name).write_text(self.here(name, source.read_text()))
        if name == "mosquitto" and os.geteuid() == 0:
            # Started by root it would become a user who may not enter these folders.
            with (own / "mosquitto.conf").open("a") as configuration:
                configuration.write("\nuser root\n")

    def _program(self, name: str) -> Program:
        if name == "postgres":
            return self._postgres()
        words = [self.here(name, word) for word in self.services[name]["command"]]
        words[0] = sys.executable if words[0] == "python" else shutil.which(words[0], path=SEARCH) or words[0]
        patience = seconds(self.services[name].get("stop_grace_period", "10s"))
        cwd = self._project if self.services[name]["image"] == "dataflow" else self.folder(name)
        env = self.environment(name)
        return Program(name=name, argv=tuple(words), env=env, cwd=cwd, stop_seconds=patience)

    # --- PostgreSQL: its image creates the database on the first start -----------------------------------------------

    def _postgres(self) -> Program:
        folder = self.folder("postgres") / "server"
        account = account_for(folder) if os.geteuid() == 0 else None
        if not folder.exists():
            self._initialise(folder, account)
        where = ("-D", str(folder), "-p", str(self.ports["postgres"]), "-c", "unix_socket_directories=", "-h", LOOPBACK)
        argv = (str(BINARIES / "postgres"), *where, *self.services["postgres"]["command"][1:])
        return Program(name="postgres", argv=argv, account=account, stop_signal=signal.SIGINT, stop_seconds=60)

    def _initialise(self, folder: Path, account: Account | None) -> None:
        folder.mkdir()
        if account:
            os.chown(folder, account.uid, account.gid)
        password = self._folder / "superuser"
        password.write_text(self.values["POSTGRES_PASSWORD"])
        options = ("-U", "postgres", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync")
        initdb = Program(name="initdb", argv=(str(BINARIES / "initdb"), "-D", str(folder), *options), account=account)
        subprocess.run(initdb.command(), cwd="/", check=True, capture_output=True)

    def superuser(self, *arguments: str) -> str:
        """Run psql as the superuser and return what it prints."""
        own = {"PGPASSWORD": self.values["POSTGRES_PASSWORD"], "PGPORT": str(self.ports["postgres"])}
        command = ["psql", "-X", "-h", LOOPBACK, "-U", "postgres", *arguments]
        done = subprocess.run(command, env=self.environment("postgres") | own, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout

    # --- Start, look, freeze -----------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """Start a service, after those it depends on and as it depends on them."""
        if name in self._processes:
            return
        for other, how in self.services[name].get("depends_on", {}).items():
            self.start(other)
            if how["condition"] == "service_healthy":
                self.wait_until_healthy(other)
            elif how["condition"] == "service_completed_successfully":
                assert self._processes[other][1].wait(START_S) == 0, self.log(other)
        self._prepare(name)
        self._spawn(name)
        if name == "postgres":
            self.wait_until_healthy(name)
            self.superuser("-f", str(ROOT / "deploy" / "postgres" / "init.sql"))

    def _spawn(self, name: str) -> None:
        program = self._program(name)
        process = self._running.enter_context(running(program, self._folder / "logs"))
        self._processes[name] = (program, process)

    def restart(self, name: str, number: signal.Signals | None = None) -> None:
        """Stop a service in order, or by a signal to its process, and start it again."""
        program, process = self._processes[name]
        if number is None:
            stop(program, process)
        else:
            process.send_signal(number)
        process.wait(program.stop_seconds)
        self._spawn(name)
        self.wait_until_healthy(name)

    def wait_until_healthy(self, name: str) -> None:
        """Wait until the health check of a service holds; fail with its log when it ends or takes too long."""

        deadline = time.monotonic() + START_S
        while not self.healthy(name):
            assert self._processes[name][1].poll() is None, self.log(name)
            assert time.monotonic() < deadline, f"{name} is not healthy after {START_S:g} s:\n{self.log(name)}"
            time.sleep(PAUSE_S)

    def healthy(self, name: str) -> bool:
        """Run the health check of a service."""
        adapt: Callable[[str], str] = lambda word: self.here(name, word)  # noqa: E731
        return check(self.services[name], adapt, self.environment(name), self._project)

    def all_healthy(self, names: Iterable[str]) -> dict[str, bool]:
        """Run the health checks of several services at once."""
        with ThreadPoolExecutor() as pool:
            return dict(zip(names, pool.map(self.healthy, names), strict=True))

    def signal(self, names: Iterable[str], number: signal.Signals) -> None:
        """Send a signal to all processes of some services."""
        for name in names:
            os.killpg(self._processes[name][1].pid, number)

    def command_line(self, name: str) -> str:
        """Return the command lines of all processes of a service."""
        parent = psutil.Process(self._processes[name][1].pid)
        return "\n".join(" ".join(process.cmdline()) for process in (parent, *parent.children(recursive=True)))

    def log(self, name: str) -> str:
        """Return what a service has printed."""
        path = self._folder / "logs" / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""
