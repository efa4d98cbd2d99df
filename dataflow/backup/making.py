"""Make a backup: one moment of the database, written into one sealed file, while everything goes on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from dataflow.backup import buffers, copying, dumping, manifest, survey
from dataflow.backup.container import Writer, new_file
from dataflow.backup.errors import BackupError
from dataflow.backup.manifest import Manifest, Method
from dataflow.backup.programs import PgProgram, fitting
from dataflow.backup.progress import Progress, Say
from dataflow.backup.snapshot import Snapshot, snapshot
from dataflow.backup.target import connected

SUFFIX = ".backup"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is on disk."""

    path: Path
    seal: str
    size: int
    manifest: Manifest


def path_of(named: Path) -> Path:
    """Return the file to write: in a folder, one that is named by the time."""
    if named.is_dir():
        return named / f"dataflow-{datetime.now(UTC):%Y%m%dT%H%M%SZ}{SUFFIX}"
    return named


def make(url: str, buffer_urls: Sequence[str], path: Path, method: Method | None, say: Say) -> Made:
    """Write a backup of a database. Raises Unreachable, BackupError, psycopg.Error or OSError; no file is left then.

    Without a method it uses pg_dump where one of a fitting version is installed, and else COPY.
    """
    with connected(url) as connection:
        program = _program(survey.server_version(connection), method)
    # First the buffers, then PostgreSQL: what leaves a buffer in between was committed before.
    seen, silent = buffers.look(buffer_urls)
    for address in silent:
        say(f"The buffer {address} does not answer, so the backup cannot say what waits in it.")
    with new_file(path) as writer, snapshot(url) as moment:
        described = _describe(moment, seen, silent, program, say)
        say(f"writing {described.rows:,} rows of {len(described.tables)} tables with {described.program}")
        _write(url, moment, writer, program, Progress(say, "written"))
        with writer.member(manifest.MEMBER, compress=True) as file:
            file.write(manifest.encode(described))
        seal, size = writer.finish(), writer.size
    return Made(path, seal, size, described)


def _program(server: str, method: Method | None) -> PgProgram | None:
    major = int(server.split(".")[0])
    program = fitting("pg_dump", major) if method != "copy" else None
    if method == "pg_dump" and program is None:
        raise BackupError(f"There is no pg_dump of version {major} or newer. Install postgresql-client-{major}.")
    return program


def _describe(
    moment: Snapshot, seen: Sequence[buffers.Seen], silent: list[str], program: PgProgram | None, say: Say
) -> Manifest:
    connection = moment.connection
    say("counting rows")
    return Manifest(
        format=manifest.FORMAT,
        made=survey.one(connection, "SELECT now()").astimezone(UTC),
        method="pg_dump" if program else "copy",
        program=f"pg_dump {program.version}" if program else f"psycopg {psycopg.__version__}",
        server=survey.server_version(connection),
        migrations=survey.migrations(connection),
        tables=survey.survey(connection),
        buffers=buffers.states(seen, connection),
        silent=silent,
    )


def _write(url: str, moment: Snapshot, writer: Writer, program: PgProgram | None, progress: Progress) -> None:
    if program is None:
        copying.dump(moment.connection, writer, progress.add)
        return
    with writer.member(dumping.MEMBER, compress=False) as file:
        dumping.dump(program, url, moment.name, file, progress.add)
