"""The files of imports: on disk where a command reads them, in PostgreSQL where they were uploaded.

Workers may be on other machines than the site, so an upload is kept where all of them get at it, in parts of a
megabyte, until its import is over.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, cast

from django.db import connection

from validation.imports.reader import Refused
from validation.models import Import, ImportPart

PART = 1024 * 1024  # bytes
LARGEST_UPLOAD = 2 * 1024 * PART  # larger files are for `manage.py import`
COMPARED = PART  # bytes from either end of a file by which it is known again


def opened(run: Import) -> BinaryIO:
    """Open the file of an import. Raises Refused when it is gone or another one."""
    if not run.path:
        return cast(BinaryIO, io.BufferedReader(_Parts(run.pk, run.size), PART))
    try:
        file = Path(run.path).open("rb")  # noqa: SIM115  (whoever reads it closes it)
    except OSError as error:
        raise Refused(f"The file {run.path} cannot be read: {error.strerror}.") from error
    if fingerprint(file) != run.fingerprint:
        file.close()
        raise Refused(f"The file {run.path} is not the one with which the import began.")
    return file


def fingerprint(file: BinaryIO) -> str:
    """Return by what a file is known again: a hash of its size, its beginning and its end."""
    size = file.seek(0, io.SEEK_END)
    digest = hashlib.sha256(str(size).encode())
    for place in {0, max(0, size - COMPARED)}:
        file.seek(place)
        digest.update(file.read(COMPARED))
    file.seek(0)
    return digest.hexdigest()


def keep(run: Import, chunks: Iterable[bytes]) -> int:
    """Write an upload into its parts and return its size in bytes. Raises Refused when it is too large."""
    size = number = 0
    held = bytearray()
    for chunk in chunks:
        size += len(chunk)
        if size > LARGEST_UPLOAD:
            raise Refused(f"The file has more than {LARGEST_UPLOAD:,} bytes; use `manage.py import` on the server.")
        held += chunk
        while len(held) >= PART:
            ImportPart.objects.create(run=run, number=number, data=bytes(held[:PART]))
            del held[:PART]
            number += 1
    if held:
        ImportPart.objects.create(run=run, number=number, data=bytes(held))
    return size


class _Parts(io.RawIOBase):
    """An uploaded file, to read from anywhere."""

    def __init__(self, run_id: int, size: int) -> None:
        super().__init__()
        self._run, self._size, self._place = run_id, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]  # what BufferedReader gives is one
        if self._place >= self._size:
            return 0
        number, within = divmod(self._place, PART)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT substring(data FROM %s FOR %s) FROM validation_importpart WHERE run_id = %s AND number = %s",
                [within + 1, len(view), self._run, number],
            )
            row = cursor.fetchone()
        if row is None or not row[0]:
            raise OSError("a part of the uploaded file is gone")
        data = bytes(row[0])
        view[: len(data)] = data
        self._place += len(data)
        return len(data)
