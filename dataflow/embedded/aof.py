"""The append-only file of a Valkey server that did not end in order: cut off what was being written, refuse the rest.

Valkey writes what it takes to the end of this file before it answers. When it is killed in the middle of a write, the
file ends in the middle of a command; nobody was told that it had arrived, so it is cut off. A file that is broken
anywhere else holds readings that nobody else has, so a person must decide: Valkey's own way of dealing with a file
that ends too early would throw away everything behind a length that got one wrong digit.

The tool valkey-check-aof of the wheel (9.1) is no help: it takes a whole base file for a broken one, and its `--fix`
would empty it.
"""

from __future__ import annotations

import logging
import mmap
import re
from pathlib import Path
from typing import NamedTuple

from dataflow.embedded.program import ServiceError

log = logging.getLogger(__name__)

FOLDER, MANIFEST = "appendonlydir", "appendonly.aof.manifest"
LONGEST_NUMBER = 24  # digits and line end of a length
NEXT_COMMAND = re.compile(rb"\r\n\*[1-9]\d*\r\n\$\d+\r\n")


class Scan(NamedTuple):
    """How far a file can be read, how large it is, and whether what follows is more than an interrupted write."""

    good: int
    size: int
    damaged: bool


class _Broken(Exception):
    """What stands at a place is no command: `ends` when the file ends too early for it."""

    def __init__(self, *, ends: bool) -> None:
        self.ends = ends


def check_presence(folder: Path) -> None:
    """Raise ServiceError when the files are there and their list is not: Valkey would start with nothing.

    `folder` is the server's own.
    """
    files = folder / FOLDER
    if files.is_dir() and any(files.glob("*.aof")) and not (files / MANIFEST).is_file():
        raise ServiceError(
            f"{files} holds the data of {folder.name}, but the file {MANIFEST} that lists it is missing; the server "
            "would start empty. Put it back, or move the folder away if its data may be lost."
        )


def mend(folder: Path) -> None:
    """Cut an interrupted write off the end of a server's append-only file, keeping what was cut beside it.

    Reads the file from its beginning: some seconds for the largest. Raises ServiceError when the file is damaged.
    """
    for path in _growing_files(folder / FOLDER):
        found = scan(path)
        if found.damaged:
            raise ServiceError(_advice(folder.name, path, found))
        if found.good < found.size:
            _cut(folder, path, found)


def scan(path: Path) -> Scan:
    """Read a file of commands. What stands behind its last whole transaction does not count."""
    size = path.stat().st_size
    if size == 0:
        return Scan(0, 0, damaged=False)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = good = 0
        within = False  # a transaction
        while at < size:
            try:
                end, word = _command(data, at, size)
            except _Broken as broken:
                return Scan(good, size, damaged=_is_damage(data, at, size, broken))
            within = word == b"MULTI" or (within and word != b"EXEC")
            at = end
            if not within:
                good = at
    return Scan(good, size, damaged=False)


def _command(data: mmap.mmap, at: int, size: int) -> tuple[int, bytes]:
    """Return where the command at a place ends, and its first word. Raises _Broken."""
    count, at = _number(data, at, size, b"*")
    word = b""
    for place in range(count):
        length, at = _number(data, at, size, b"$")
        if at + length + 2 > size:
            raise _Broken(ends=True)
        if data[at + length : at + length + 2] != b"\r\n":
            raise _Broken(ends=False)
        if place == 0:
            word = data[at : at + length].upper()
        at += length + 2
    return at, word


def _number(data: mmap.mmap, at: int, size: int, mark: bytes) -> tuple[int, int]:
    if at >= size:
        raise _Broken(ends=True)
    line, found, _ = data[at : at + LONGEST_NUMBER].partition(b"\r\n")
    if line[:1] != mark or not (line[1:].isdigit() or (not found and not line[1:].strip(b"0123456789\r"))):
        raise _Broken(ends=False)
    if not found:
        raise _Broken(ends=at + LONGEST_NUMBER > size)
    return int(line[1:]), at + len(line) + 2


def _is_damage(data: mmap.mmap, at: int, size: int, broken: _Broken) -> bool:
    """Tell a write that was interrupted from a file that is broken: behind the former there is nothing more."""
    if broken.ends:
        return NEXT_COMMAND.search(data, at + 1) is not None
    # A disk that lost its power may have made the file longer without having written what belongs there.
    return any(data[at:size].strip(b"\0"))


def _growing_files(files: Path) -> list[Path]:
    """Return the files that the list names and that commands are appended to; the base file has a checksum."""
    manifest = files / MANIFEST
    if not manifest.is_file():
        return []
    lines = [line.split() for line in manifest.read_text(encoding="utf-8").splitlines()]
    named = [dict(zip(words[::2], words[1::2], strict=False)) for words in lines if words]
    return [files / line["file"] for line in named if line.get("type") == "i" and (files / line["file"]).is_file()]


def _cut(folder: Path, path: Path, found: Scan) -> None:
    kept = folder / f"{path.name}.cut-at-{found.good}"
    with path.open("rb+") as file:
        file.seek(found.good)
        kept.write_bytes(file.read())
        file.truncate(found.good)
    log.warning(
        "%s was killed while it wrote: the last %d bytes of %s are no whole command, of which nobody was told that it "
        "had arrived. They are in %s now.",
        folder.name,
        found.size - found.good,
        path.name,
        kept,
    )


def _advice(name: str, path: Path, found: Scan) -> str:
    return (
        f"The append-only file of {name} is damaged: {path} can be read up to byte {found.good} of {found.size}, and "
        f"more stands behind. Nothing was changed. Put back a sound copy of the folder {path.parent}; or give up what "
        f"stands behind, which are batches that may not be stored yet, with `truncate -s {found.good} {path}`; or move "
        "the folder away: the server starts empty. Do not use valkey-check-aof --fix: it does not know the base file."
    )
