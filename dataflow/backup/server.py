"""The database and the buffers to work with: the named ones, or the embedded ones, started for the while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from dataflow.backup.errors import BackupError
from dataflow.backup.progress import Say
from dataflow.embedded.plan import plan_services
from dataflow.embedded.ports import Ports
from dataflow.embedded.program import ServiceError
from dataflow.embedded.running import start_services
from dataflow.stack import Stack, StackRuns


class Servers(NamedTuple):
    """Where the database and the buffers are."""

    database: str
    buffers: list[str]


@contextmanager
def servers(database: str, buffers: list[str], data_dir: Path, *, fresh: bool, say: Say) -> Iterator[Servers]:
    """Give the addresses that are set; start the embedded servers on DATA_DIR for those that are not.

    With `fresh` a DATA_DIR without a database gets one. Raises BackupError when the embedded ones cannot be used.
    """
    if database:
        yield Servers(database, buffers)
        return
    if not fresh and not (data_dir / "postgres").is_dir():
        raise BackupError(f"DATABASE_URL is not set, and {data_dir} holds no database of an embedded server.")
    stack = Stack(data_dir)
    try:
        stack.acquire(say)
    except StackRuns as error:
        raise BackupError(str(error)) from error
    try:
        with ExitStack() as running:
            yield _start(stack, buffers, running, say)
    finally:
        stack.release()


def _start(stack: Stack, buffers: list[str], running: ExitStack, say: Say) -> Servers:
    """Start PostgreSQL, which has to work, and then the buffers, which only have something to tell."""
    say("starting the embedded PostgreSQL for the while")
    try:
        database = _started(stack, "DATABASE_URL", running)
    except ServiceError as error:
        raise BackupError(str(error)) from error
    if not buffers and any(stack.data_dir.glob("buffer-*")):
        try:
            buffers = _started(stack, "BUFFER_URLS", running).split(",")
        except ServiceError as error:
            say(f"the buffers are left out: {error}")
    return Servers(database, buffers)


def _started(stack: Stack, wanted: str, running: ExitStack) -> str:
    plan = plan_services(stack.data_dir, lambda name: name != wanted, Ports(), stack.last())
    return running.enter_context(start_services(plan, stack.data_dir / "logs"))[wanted]
