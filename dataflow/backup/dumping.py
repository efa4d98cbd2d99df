"""Write a database down with pg_dump, and build it again with pg_restore."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO, cast

from dataflow.backup.container import COMPRESSION
from dataflow.backup.errors import BackupError
from dataflow.backup.programs import PgProgram, connection_of
from dataflow.backup.survey import SCHEMAS

MEMBER = "database.dump"
PIECE_BYTES = 256 * 1024
ONLY_OURS = [option for schema in SCHEMAS for option in ("--schema", schema)]
# Who owns what and who may do what belongs to the server, not to the data.
PLAIN = ("--no-owner", "--no-privileges", "--no-password")


def dump(program: PgProgram, url: str, snapshot: str, to: IO[bytes], wrote: Callable[[int], None]) -> None:
    """Write what a snapshot shows, compressed by pg_dump itself; `wrote` gets the size of each piece."""
    target, environment = connection_of(url)
    how = ("--format=custom", f"--compress={COMPRESSION}", f"--snapshot={snapshot}", "--lock-wait-timeout=60s")
    command = [str(program.path), *how, *ONLY_OURS, *PLAIN, f"--dbname={target}"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=environment)
        try:
            while piece := cast(IO[bytes], process.stdout).read(PIECE_BYTES):
                to.write(piece)
                wrote(len(piece))
            process.wait()
        finally:
            _end(process)
        _check("pg_dump", process.returncode, errors)


def restore(program: PgProgram, url: str, data: IO[bytes], read: Callable[[int], None]) -> None:
    """Build the tables of a dump in a database that has the schemas and nothing in them."""
    target, environment = connection_of(url)
    # The schemas are there already, and a dump would make `public` once more; this leaves them out.
    command = [str(program.path), "--exit-on-error", *ONLY_OURS, *PLAIN, f"--dbname={target}"]
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=errors, env=environment)
        try:
            # When it ends before it has read everything, what it says about that is the better reason.
            with suppress(BrokenPipeError), cast(IO[bytes], process.stdin) as to:
                while piece := data.read(PIECE_BYTES):
                    to.write(piece)
                    read(len(piece))
            process.wait()
        finally:
            _end(process)
        _check("pg_restore", process.returncode, errors)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leave no program behind, whatever happened here."""
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _check(name: str, status: int, errors: IO[bytes]) -> None:
    if status:
        errors.seek(0)
        raise BackupError(f"{name} ended with status {status}: {_tail(errors.read().decode(errors='replace'))}")


def _tail(said: str) -> str:
    lines: Sequence[str] = said.strip().splitlines()
    return "\n".join(lines[-5:])
