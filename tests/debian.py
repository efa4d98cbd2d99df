"""PostgreSQL, Redis and Mosquitto as Debian packages them, started for the tests on free ports in a folder of theirs.

The system's own services of the same names are left alone.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import psycopg

from dataflow.embedded.ports import LOOPBACK, Ports
from dataflow.embedded.postgres import account_for
from dataflow.embedded.probes import Unreachable, probe_database, probe_mqtt, probe_redis
from dataflow.embedded.program import Account, Program
from dataflow.embedded.running import running
from tests.project import eventually

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
PASSWORD = "only-for-tests"
# Room for what arrives while nobody fetches it: the default of 1,000 messages is dropped from without a word.
MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 1
max_inflight_messages 2000
max_queued_messages 200000
log_type error
log_type warning
log_dest stderr
user {user}
"""


def newest_postgres() -> Path | None:
    """Return the folder of PostgreSQL's programs, of the newest version that is installed."""
    versions = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").is_file()]
    return max(versions, key=lambda path: float(path.parent.name), default=None)


def missing_programs() -> list[str]:
    """Return the names of the programs that are not installed."""
    missing = [name for name in ("redis-server", "mosquitto") if shutil.which(name, path=PATH) is None]
    return missing if newest_postgres() else ["postgresql", *missing]


class Server:
    """One server that can be stopped, killed and started again on the same port with the same data."""

    def __init__(self, program: Program, check: Callable[[], None], logs: Path) -> None:
        self._program, self._check, self._logs = program, check, logs
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self._logs.mkdir(exist_ok=True)
        self._process = self._running.enter_context(running(self._program, self._logs))
        eventually(self._answers, f"{self._program.name} answers", 60)

    def stop(self) -> None:
        """Stop it in order."""
        self._running.close()

    @property
    def pid(self) -> int:
        """Return the id of its process, which leads a group of its own."""
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        log = self._logs / f"{self._program.name}.log"
        assert self._process is not None
        assert self._process.poll() is None, log.read_text(errors="replace")
        try:
            self._check()
        except Unreachable:
            return False
        return True


class Debian:
    """All of them; a `with` block starts and stops them."""

    def __init__(self, folder: Path, buffers: int = 2) -> None:
        self._folder, self._ports, self._running = folder, Ports(anywhere=True), ExitStack()
        self._database_url, self.postgres = self._postgres()
        redis = [self._redis(f"redis-{number}") for number in range(1 + buffers)]
        self._redis_urls, self.redis = zip(*redis, strict=True)
        self._mqtt_url, self.mosquitto = self._mosquitto()
        self._servers = [self.postgres, *self.redis, self.mosquitto]

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings that lead to them."""
        queue, *buffers = self._redis_urls
        return {
            "DATABASE_URL": self._database_url,
            "REDIS_URL": queue,
            "BUFFER_URLS": ",".join(buffers),
            "MQTT_URL": self._mqtt_url,
        }

    def __enter__(self) -> Debian:
        for server in self._servers:
            self._running.callback(server.stop)
            server.start()
        self._create_database()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._running.close()

    def _program_of(self, name: str) -> str:
        return shutil.which(name, path=PATH) or name

    def _new_folder(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir()
        return folder

    # --- PostgreSQL --------------------------------------------------------------------------------------------------

    def _postgres(self) -> tuple[str, Server]:
        folder, port = self._new_folder("postgres"), self._ports.take(0)
        binaries = newest_postgres()
        assert binaries is not None
        account = None
        if os.geteuid() == 0:
            account = account_for(folder)
            os.chown(folder, account.uid, account.gid)
        self._initialise(binaries, folder, account)
        options = {"listen_addresses": LOOPBACK, "port": str(port), "unix_socket_directories": ""}
        settings = (part for name, value in options.items() for part in ("-c", f"{name}={value}"))
        program = Program(
            name="postgres",
            argv=(str(binaries / "postgres"), "-D", str(folder), *settings),
            account=account,
            stop_signal=signal.SIGINT,
            stop_seconds=30,
            orphan_signal=signal.SIGINT,
        )
        self._superuser_url = f"postgres://postgres:{PASSWORD}@{LOOPBACK}:{port}/postgres"
        url = f"postgres://dataflow:{PASSWORD}@{LOOPBACK}:{port}/dataflow"
        return url, Server(program, lambda: probe_database(self._superuser_url), self._folder / "logs")

    def _initialise(self, binaries: Path, folder: Path, account: Account | None) -> None:
        password = self._folder / "password"
        password.write_text(PASSWORD)
        options = ("-U", "postgres", f"--pwfile={password}", "--auth=scram-sha-256", "--encoding=UTF8", "--no-sync")
        program = Program(name="initdb", argv=(str(binaries / "initdb"), "-D", str(folder), *options), account=account)
        done = subprocess.run(program.command(), cwd="/", capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def _create_database(self) -> None:
        with psycopg.connect(self._superuser_url, autocommit=True) as database:
            database.execute(f"CREATE ROLE dataflow LOGIN PASSWORD '{PASSWORD}'")
            database.execute("CREATE DATABASE dataflow OWNER dataflow")

    # --- Redis and Mosquitto -----------------------------------------------------------------------------------------

    def _redis(self, name: str) -> tuple[str, Server]:
        folder, port = self._new_folder(name), self._ports.take(0)
        where = ("--bind", LOOPBACK, "--port", str(port), "--dir", str(folder))
        kept = ("--appendonly", "yes", "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction")
        program = Program(
            name=name, argv=(self._program_of("redis-server"), *where, *kept, "--requirepass", PASSWORD), cwd=folder
        )
        url = f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0"
        return url, Server(program, lambda: probe_redis(url), self._folder / "logs")

    def _mosquitto(self) -> tuple[str, Server]:
        folder, port = self._new_folder("mosquitto"), self._ports.take(0)
        configuration = folder / "mosquitto.conf"
        # Started by root it would become a user who may not enter these folders.
        user = "root" if os.geteuid() == 0 else "mosquitto"
        configuration.write_text(MOSQUITTO.format(port=port, folder=folder, user=user))
        program = Program(name="mosquitto", argv=(self._program_of("mosquitto"), "-c", str(configuration)), cwd=folder)
        url = f"mqtt://{LOOPBACK}:{port}"
        return url, Server(program, lambda: probe_mqtt(url, version5=True), self._folder / "logs")
