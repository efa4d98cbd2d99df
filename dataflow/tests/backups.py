"""What the tests of backups share: a platform with readings in it, and databases to restore into."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.db import connection
from psycopg.sql import SQL, Identifier

from dataflow.backup import survey
from dataflow.backup.making import Made, make
from dataflow.backup.manifest import Method
from dataflow.backup.restoring import Restored, restore
from validation.tests.conftest import Worker

DAY_S = 86_400


def silent(_: str) -> None:
    """Say nothing."""


def url_of(database: str) -> str:
    """Return the address of a database on the tests' server."""
    return f"{settings.DATABASE_URL.rpartition('/')[0]}/{database}"


def source() -> str:
    """Return the address of the database that the tests fill."""
    return url_of(str(connection.settings_dict["NAME"]))


@contextmanager
def new_database() -> Iterator[str]:
    """Give the address of a database that does not exist yet; remove it at the end."""
    name = f"restored_{secrets.token_hex(4)}"
    try:
        yield url_of(name)
    finally:
        with psycopg.connect(url_of("postgres"), autocommit=True) as server:
            _drop(server, name)


def _drop(server: psycopg.Connection[Any], name: str) -> None:
    """Remove a database; wait for autovacuum, which only a superuser may throw out of it."""
    deadline = time.monotonic() + 30
    while True:
        try:
            server.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))
            return
        except psycopg.errors.InsufficientPrivilege:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def back_up(path: Path, method: Method | None = None, buffers: list[str] | None = None) -> Made:
    """Back up the tests' database."""
    return make(source(), buffers or [], path, method, silent)


def bring_back(path: Path, url: str, buffers: list[str] | None = None, *, replace: bool = False) -> Restored:
    """Restore a backup."""
    return restore(path, url, buffers or [], replace=replace, say=silent)


def contents(url: str) -> dict[str, tuple[Any, ...]]:
    """Return, for each table, how many rows it has and a hash over all of them, whatever their order."""
    with psycopg.connect(url, autocommit=True) as database:
        found = {}
        for name in survey.tables(database):
            query = SQL("SELECT count(*), md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {} t")
            row = database.execute(query.format(survey.identifier(name))).fetchone()
            found[".".join(name)] = row or ()
        return found


def one(url: str, query: str) -> Any:
    """Return the one value that a query answers with."""
    with psycopg.connect(url, autocommit=True) as database:
        return survey.one(database, query)


def readings(first: int, count: int, start: float) -> list[tuple[str, dict[str, Any]]]:
    """Return messages of ten vehicles: good ones, and every tenth one that does not pass."""
    return [
        (
            f"vehicles/vehicle_{n % 10:02}/telemetry",
            {"speed": 999 if n % 10 == 9 else n % 200, "timestamp": start - (n % 3) * DAY_S, "seq": n},
        )
        for n in range(first, first + count)
    ]


class Ingest:
    """Readings that flow until the end of a `with` block, judged on a thread of their own as a worker does."""

    def __init__(self, worker: Worker, start: float) -> None:
        self._worker, self._start, self.received = worker, start, 0
        self._stopping, self._flows = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._error: Exception | None = None

    def __enter__(self) -> Ingest:
        self._thread.start()
        assert self._flows.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(60)
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._worker.receive(*readings(1_000_000 + self.received, 200, self._start))
                self.received += 200
                self._worker.work()
                self._flows.set()
        except Exception as error:  # noqa: BLE001  (raised again where the test sees it)
            self._error = error
        finally:
            connection.close()
