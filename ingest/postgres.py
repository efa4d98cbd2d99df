"""A connection of one's own to PostgreSQL, on which nothing is waited for longer than a limit.

Who holds what is decided in PostgreSQL, by threads that must notice within seconds that it does not answer. Django's
connections wait for as long as the network does, which may be a quarter of an hour.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from django.db import connections

log = logging.getLogger(__name__)

CONNECT_S = 2  # the least that libpq knows
NOT_FOR_US = ("context", "cursor_factory", "prepare_threshold")  # what Django adds for itself


class Postgres:
    """Transactions on one connection, which is opened when it is needed. Belongs to one thread.

    Everything raises psycopg.Error when the database cannot be asked or does not answer within `limit_s`; the
    connection is closed then, and with it goes what the session held.
    """

    def __init__(self, purpose: str, limit_s: float, first: Sequence[str] = (), **server: str) -> None:
        """`purpose` is shown by the server; `first` is executed on each new connection; `server` are its settings."""
        self._limit_s, self._first = limit_s, first
        self._server = {"application_name": purpose, "statement_timeout": f"{round(limit_s * 1000)}", **server}
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self.notified = False  # another session has sent a notification; for the user to clear

    @contextmanager
    def transaction(self) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
        """Yield a cursor, and commit. Every single wait ends after the limit, and so does all of it together."""
        try:
            connection = self._open()
            with self._limited(connection), connection.transaction():
                yield connection.cursor()
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int | None:
        """Return what to wait on for a notification, or for the end of the connection; None when there is none."""
        return None if self._connection is None or self._connection.closed else self._connection.fileno()

    def close(self) -> None:
        """Close the connection, if there is one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        if self._connection is None:
            given = connections["default"].get_connection_params()
            params = {name: value for name, value in given.items() if name not in NOT_FOR_US}
            server = " ".join(f"-c {name}={_escaped(value)}" for name, value in self._server.items())
            params["options"] = f"{params.get('options', '')} {server}".strip()
            connection = psycopg.connect(**params | {"connect_timeout": CONNECT_S, "autocommit": True})
            connection.add_notify_handler(self._note)
            self._connection = connection
            with self._limited(connection):
                for statement in self._first:
                    connection.execute(statement.encode())
        return self._connection

    def _note(self, notification: psycopg.Notify) -> None:
        if self._connection is None or notification.pid != self._connection.info.backend_pid:
            self.notified = True

    @contextmanager
    def _limited(self, connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[None]:
        # The server ends a statement that takes too long, but one that hangs or is cut off ends nothing.
        timer = threading.Timer(self._limit_s + 0.5, _cut, [connection])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _cut(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """End whatever another thread waits for on a connection."""
    log.debug("the database does not answer; its connection is given up")
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.shutdown(socket.SHUT_RDWR)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace(" ", "\\ ")
