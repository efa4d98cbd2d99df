"""Bring a backup back: check it, build it, count it, bring it up to date, and say what it means for the books."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.migrations.loader import MigrationLoader

from dataflow.backup import buffers, container, copying, dumping, manifest, survey, target
from dataflow.backup.buffers import Moved
from dataflow.backup.errors import BackupError
from dataflow.backup.manifest import Manifest
from dataflow.backup.programs import PgProgram, fitting
from dataflow.backup.progress import Progress, Say
from dataflow.backup.survey import Connection
from dataflow.lib import restorations
from dataflow.lib.restorations import Restoration


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back."""

    manifest: Manifest
    seal: str
    restoration: Restoration
    buffers: list[Moved]
    silent: list[str]
    migrated: list[str]


def read_manifest(path: Path) -> tuple[Manifest, str]:
    """Check a backup from its first byte to its last; return what it says about itself, and its seal.

    Raises BackupError.
    """
    seal = container.verify(path)
    with container.opened(path) as archive:
        return manifest.decode(archive.read(manifest.MEMBER)), seal


def restore(path: Path, url: str, buffer_urls: Sequence[str], *, replace: bool, say: Say) -> Restored:
    """Bring a backup back into a database, which is emptied first only when `replace` says so.

    Raises BackupError, Unreachable, psycopg.Error or OSError. A database that could not be filled is left empty.
    """
    say("checking the backup")
    described, seal = read_manifest(path)
    _refuse_newer(described)
    program = _program(described)
    if target.create_if_missing(url):
        say("the database was missing and has been created")
    work_url = target.for_restoring(url)
    with target.connected(work_url) as connection:
        _make_room(connection, replace=replace, say=say)
        say(f"restoring {described.rows:,} rows of {len(described.tables)} tables, as of {described.made:%F %T} UTC")
        try:
            _fill(path, work_url, described, program, Progress(say, "read"))
            _compare(connection, described, say)
        except BaseException:
            target.empty(connection)
            raise
        finally:
            target.reopen(connection)
        say("measuring the tables for the query planner")
        connection.execute("ANALYZE")
        migrated = _migrate(url, connection, described, say)
        seen, silent = buffers.look(buffer_urls)
        moved = buffers.compare(described.buffers, buffers.states(seen, connection), not described.silent)
        words = " ".join([what.sentence for what in moved] or ["No buffer was asked what it holds."])
        connection.execute("SET synchronous_commit = on")
        written = restorations.write(connection, described.made, seal, words)
    return Restored(described, seal, written, moved, silent, migrated)


def _refuse_newer(described: Manifest) -> None:
    """Refuse a backup of a platform that is newer than this one, whose tables this one does not understand."""
    on_disk = MigrationLoader(None).disk_migrations
    known = on_disk.keys() | {replaced for migration in on_disk.values() for replaced in migration.replaces}
    unknown = [f"{app}.{name}" for app, name in described.migrations if (app, name) not in known]
    if unknown:
        raise BackupError(
            f"The backup was made by a newer version of the platform: this one does not know {', '.join(unknown)}. "
            "Restore it with that version."
        )


def _program(described: Manifest) -> PgProgram | None:
    if described.method == "copy":
        return None
    major = int(described.program.rpartition(" ")[2].split(".")[0])
    program = fitting("pg_restore", major)
    if program is None:
        raise BackupError(
            f"The backup was made with {described.program} and needs pg_restore of version {major} or newer. "
            f"Install postgresql-client-{major}."
        )
    return program


def _make_room(connection: Connection, *, replace: bool, say: Say) -> None:
    if users := target.others(connection):
        raise BackupError(
            f"Others use the database: {', '.join(sorted(users))}. Stop the platform (and close other sessions) first, "
            "or restore into another database with --into."
        )
    if not target.is_empty(connection):
        if not replace:
            raise BackupError(
                "The database is not empty. Restore into a new one with --into, or say --yes to replace what is there."
            )
        say("removing what is there")
    target.close(connection)
    target.empty(connection)


def _fill(path: Path, url: str, described: Manifest, program: PgProgram | None, progress: Progress) -> None:
    with target.connected(url) as connection:
        target.make_schemas(connection, {name.split(".")[0] for name in described.tables})
    with container.opened(path) as archive:
        if program is None:
            copying.restore(url, archive, progress.add)
            return
        with archive.open(dumping.MEMBER) as data:
            dumping.restore(program, url, data, progress.add)


def _compare(connection: Connection, described: Manifest, say: Say) -> None:
    say("counting rows")
    if wrong := survey.differences(described.tables, survey.survey(connection)):
        raise BackupError("What was restored is not what the backup says:\n" + "\n".join(wrong))


def _migrate(url: str, connection: Connection, described: Manifest, say: Say) -> list[str]:
    """Run the migrations that are newer than the backup, in a process that knows this database and no other."""
    before = set(described.migrations)
    if before.issuperset(MigrationLoader(None).disk_migrations):
        return []
    say("bringing the tables up to date")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL_FILE"}
    # It needs nothing but the database, so the checks for the other services are left out.
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "migrate",
        "--skip-checks",
        "--no-input",
        "-v",
        "0",
    ]
    done = subprocess.run(command, env=environment | {"DATABASE_URL": url}, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(
            f"The data is back, but its tables could not be brought up to date: {done.stderr.strip()[-2000:]}\n"
            "Mend the cause and run `manage.py migrate`; nothing has to be restored again."
        )
    return [f"{app}.{name}" for app, name in survey.migrations(connection) if (app, name) not in before]
