"""Find pg_dump and pg_restore: those of the embedded PostgreSQL, of the system, and on the PATH."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dataflow.embedded.postgres import BINARIES

SYSTEM = Path("/usr/lib/postgresql")  # where Debian keeps a folder for each version
VERSION_SECONDS = 10


class PgProgram(NamedTuple):
    """A program of PostgreSQL and its version, such as 18.4."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """Return the part of the version that has to fit."""
        return int(self.version.split(".")[0])


def fitting(name: str, least: int) -> PgProgram | None:
    """Return the program of this name with the lowest version from `least` on, None when there is none.

    pg_dump reads servers of its own version and older, pg_restore the files of its own version and older.
    """
    found = {program.version: program for program in _installed(name) if program.major >= least}
    return min(found.values(), key=lambda program: program.major, default=None)


def connection_of(url: str) -> tuple[str, Mapping[str, str]]:
    """Return an address for a command line, and the environment that adds the password, which everyone would see."""
    parts: dict[str, Any] = conninfo_to_dict(url)
    password = parts.pop("password", None)
    return make_conninfo("", **parts), os.environ | ({"PGPASSWORD": password} if password else {})


def _installed(name: str) -> Iterator[PgProgram]:
    folders = [BINARIES, *sorted(SYSTEM.glob("*/bin")), *map(Path, os.environ.get("PATH", "").split(os.pathsep))]
    seen: set[Path] = set()
    for folder in folders:
        path = folder / name
        if folder.is_absolute() and path.is_file() and path.resolve() not in seen:
            seen.add(path.resolve())
            if (version := _version(path)) is not None:
                yield PgProgram(path, version)


def _version(path: Path) -> str | None:
    try:
        answer = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=VERSION_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r"\b(\d+(?:\.\d+)?)", answer)
    return found.group(1) if found else None
