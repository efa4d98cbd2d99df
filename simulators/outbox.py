"""A device's outbox: every reading is put in first, and leaves only when the broker has said yes."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

LIMIT = 10_000  # readings; almost three hours at one a second
# A reading takes some 250 bytes, so small pages keep the log of a thousand outboxes short and writing it cheap.
PAGE_BYTES = 1024
# Half a megabyte of log, then it is folded into the file: with a thousand devices at 1 Hz six files a second.
CHECKPOINT_PAGES = 500
REFUSED_KEPT = 1_000  # rows set aside; older ones go

SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS refused (id INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL,
                                    reason TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS device (one INTEGER PRIMARY KEY CHECK (one = 1), last_id INTEGER NOT NULL,
                                   seq INTEGER NOT NULL, state TEXT);
INSERT OR IGNORE INTO device VALUES (1, 0, 0, NULL);
"""


class OutboxError(Exception):
    """The outbox file cannot be opened, read or written; the message names it."""


class Row(NamedTuple):
    """One message that waits."""

    id: int
    topic: str
    payload: bytes


class Outbox:
    """A bounded queue of messages in one SQLite file, oldest first.

    `put` has committed when it returns. The log is not synced to the disk at every commit: what was put in survives
    the death of this process at any moment, and a power cut may cost the last seconds but never the file.

    Rows get ever growing numbers. Beside them the file keeps the device's last sequence number and what its profile
    wants to remember, written in the same transaction as the reading they belong to. Not for use by two threads.
    """

    def __init__(self, path: Path, limit: int = LIMIT) -> None:
        """Open or create the file. Blocks for a disk write or two. Raises OutboxError."""
        self.path = path
        self._limit = limit
        self._acknowledged: set[int] = set()
        self._rows: int
        self._gone = 0  # every row up to this number has left the outbox
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            self._db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} COMMIT;")
            # The number of the newest row ever put in; sequence number and state as they were when the file was opened.
            self.newest, self.seq, self.state = self._db.execute("SELECT last_id, seq, state FROM device").fetchone()
            self._rows = self._db.execute("SELECT count(*) FROM outbox").fetchone()[0]
        except sqlite3.Error as error:
            raise OutboxError(f"the outbox {path} cannot be opened: {error}") from error

    @property
    def waiting(self) -> int:
        """Rows that have not been acknowledged."""
        return self._rows - len(self._acknowledged)

    @property
    def room(self) -> int:
        """Rows that fit in before the oldest is dropped."""
        return max(0, self._limit - self.waiting)

    @property
    def unsettled(self) -> int:
        """Rows that are acknowledged but still in the file."""
        return len(self._acknowledged)

    def put(self, topic: str, payloads: Sequence[bytes], seq: int | None = None, state: str | None = None) -> int:
        """Append messages and commit; return how many of the oldest had to be dropped for them.

        `seq` is the sequence number of the last one and `state` what the profile wants to find again; None
        leaves either as it was. Raises OutboxError, and then nothing has changed.
        """
        first = self.newest + 1
        rows = [(first + index, topic, payload) for index, payload in enumerate(payloads)]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            settled = self._delete_acknowledged()
            self._db.executemany("INSERT INTO outbox VALUES (?, ?, ?)", rows)
            last = self.newest + len(rows)
            self._db.execute(
                "UPDATE device SET last_id = ?, seq = coalesce(?, seq), state = coalesce(?, state)", (last, seq, state)
            )
            excess = self._rows - settled + len(rows) - self._limit
            gone = self._drop_oldest(excess) if excess > 0 else self._gone
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed("written", error) from error
        dropped = max(0, excess)
        self.newest, self._gone = last, gone
        self._rows += len(rows) - settled - dropped
        self._acknowledged.clear()
        return dropped

    def after(self, row_id: int, count: int) -> list[Row]:
        """Return up to `count` waiting rows with numbers above `row_id`, oldest first. Raises OutboxError."""
        # Rows that are acknowledged but not yet deleted are passed over, so as many more have to be looked
        # at.
        query = "SELECT id, topic, payload FROM outbox WHERE id > ? ORDER BY id LIMIT ?"
        try:
            found = self._db.execute(query, (row_id, count + len(self._acknowledged)))
            rows = [Row(*row) for row in found if row[0] not in self._acknowledged]
        except sqlite3.Error as error:
            raise self._failed("read", error) from error
        return rows[:count]

    def acknowledge(self, row_id: int) -> bool:
        """Let a row go; False when it had been dropped meanwhile.

        The deletion is written with the next reading or by `settle`. A process killed before that sends the
        row again, which does no harm: a reading is known by its device, time and sequence number.
        """
        if row_id <= self._gone or row_id in self._acknowledged:
            return False
        self._acknowledged.add(row_id)
        return True

    def settle(self) -> None:
        """Write the deletions that wait. Raises OutboxError."""
        if not self._acknowledged:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            settled = self._delete_acknowledged()
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed("written", error) from error
        self._rows -= settled
        self._acknowledged.clear()

    def set_aside(self, row_id: int, reason: str) -> bool:
        """Move a row that the broker will never take to the table `refused`; False when it had been dropped."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute(
                "INSERT OR REPLACE INTO refused SELECT id, topic, payload, ? FROM outbox WHERE id = ?",
                (reason, row_id),
            )
            moved = self._db.execute("DELETE FROM outbox WHERE id = ?", (row_id,)).rowcount
            self._db.execute(
                "DELETE FROM refused WHERE id <= (SELECT id FROM refused ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (REFUSED_KEPT,),
            )
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed("written", error) from error
        self._rows -= moved
        return moved == 1

    def close(self) -> None:
        """Write what waits and close the file. Safe to call twice. Raises OutboxError."""
        try:
            self.settle()
        finally:
            self._db.close()

    def _delete_acknowledged(self) -> int:
        if self._acknowledged:
            self._db.executemany("DELETE FROM outbox WHERE id = ?", [(row_id,) for row_id in self._acknowledged])
        return len(self._acknowledged)

    def _drop_oldest(self, count: int) -> int:
        """Delete the oldest rows and return the number of the newest of them."""
        (newest,) = self._db.execute("SELECT id FROM outbox ORDER BY id LIMIT 1 OFFSET ?", (count - 1,)).fetchone()
        self._db.execute("DELETE FROM outbox WHERE id <= ?", (newest,))
        return int(newest)

    def _failed(self, verb: str, error: sqlite3.Error) -> OutboxError:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
        return OutboxError(f"the outbox {self.path} cannot be {verb}: {error}")
