"""The file of a backup: a ZIP archive that ends with the SHA-256 of everything before.

A ZIP archive, because any machine can look into it, and because what says where things are comes last: a file that
was cut short has no end and is none. Its comment, the very last bytes, seals the file: whatever was changed, be it
one bit, no longer agrees with it.
"""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from dataflow.backup.errors import BackupError

SEAL_BYTES = 64  # a SHA-256 in hexadecimal digits
PIECE_BYTES = 1024 * 1024
BEGINNING = b"PK\x03\x04"
COMPRESSION = 1  # the fastest; more makes a file of readings a tenth smaller, and takes far longer


class Writer:
    """A backup that is being written. Everything goes to the file once and in order, so that it can be sealed."""

    def __init__(self, file: BinaryIO) -> None:
        self._sealing = _Sealing(file)
        self._zip = zipfile.ZipFile(self._sealing, "w", allowZip64=True, compresslevel=COMPRESSION)

    @contextmanager
    def member(self, name: str, *, compress: bool) -> Iterator[IO[bytes]]:
        """Give a file of this name inside the backup to write to."""
        self._zip.compression = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
        with self._zip.open(name, "w", force_zip64=True) as file:
            yield file

    @property
    def size(self) -> int:
        """Return how many bytes have been written."""
        return self._sealing.size

    def finish(self) -> str:
        """Write the end of the file and its seal, and return the seal."""
        self._zip.comment = b"0" * SEAL_BYTES
        self._zip.close()
        return self._sealing.seal()

    def abandon(self) -> None:
        """Give up: whatever the archive still wants to write on its way out goes nowhere."""
        self._sealing.discard()
        self._zip.close()


class _Sealing(io.RawIOBase):
    """Pass bytes on to a file and hash all of them but the last SEAL_BYTES, which will be the seal.

    It cannot seek, so the archive writes nothing twice.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO = file
        self._hash, self._tail = hashlib.sha256(), b""
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        piece = bytes(data)  # type: ignore[call-overload]
        self._file.write(piece)
        held = self._tail + piece
        self._hash.update(held[:-SEAL_BYTES])
        self._tail = held[-SEAL_BYTES:]
        self.size += len(piece)
        return len(piece)

    def discard(self) -> None:
        self._file = io.BytesIO()

    def seal(self) -> str:
        seal = self._hash.hexdigest()
        self._file.seek(-SEAL_BYTES, io.SEEK_END)
        self._file.write(seal.encode())
        return seal


@contextmanager
def new_file(path: Path) -> Iterator[Writer]:
    """Give a writer for a new file that only its owner may read; it has its name only once it is whole and on disk.

    Call `finish` before the end of the block. Raises BackupError when there is a file of this name already, OSError
    when it cannot be written; what was written until then is removed.
    """
    if path.exists():
        raise BackupError(f"{path} exists already. A backup never overwrites one: name another file.")
    draft = path.with_name(f".{path.name}.part")
    descriptor = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb+") as file:
            writer = Writer(file)
            try:
                yield writer
            except BaseException:
                writer.abandon()
                raise
            file.flush()
            os.fsync(file.fileno())
        # Fails when somebody made a file of the name meanwhile, which a rename would overwrite.
        os.link(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()


def verify(path: Path) -> str:
    """Read a whole backup and return its seal; raise BackupError when it was cut short, altered, or is no backup."""
    try:
        with path.open("rb") as file:
            return _verify(path, file)
    except OSError as error:
        raise BackupError(f"{path} cannot be read: {error}") from error


def _verify(path: Path, file: BinaryIO) -> str:
    if file.read(len(BEGINNING)) != BEGINNING:
        raise BackupError(f"{path} is no backup of this platform.")
    file.seek(0)
    found, tail = hashlib.sha256(), b""
    while piece := file.read(PIECE_BYTES):
        held = tail + piece
        found.update(held[:-SEAL_BYTES])
        tail = held[-SEAL_BYTES:]
    if found.hexdigest().encode() != tail:
        raise BackupError(
            f"{path} is not what was written: it was cut short or altered, because its seal does not agree with what "
            "stands before it. Nothing was restored. Use another backup."
        )
    return tail.decode()


@contextmanager
def opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a backup that `verify` has found whole."""
    with zipfile.ZipFile(path) as archive:
        yield archive
