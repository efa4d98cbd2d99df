"""A database of its own for a benchmark that fills tables: what is in there has no ledger, and nobody else sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from dataflow.bench.throughput import BenchFailed
from dataflow.lib import own_database as lib


@contextmanager
def own_database() -> Iterator[None]:
    """Let Django's connection lead to a new database, as `dataflow.lib.own_database` does.

    Raises BenchFailed where the user of the database may not make one.
    """
    try:
        with lib.own_database("_bench"):
            yield
    except lib.NoOwnDatabase as error:
        raise BenchFailed(str(error)) from error
