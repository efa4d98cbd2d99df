"""What the hub asks the database, from threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from channels.db import database_sync_to_async

from validation import selectors
from validation.selectors import Newest
from validation.spec import ModelSpec

Argument = TypeVar("Argument")
Result = TypeVar("Result")


class Reading(NamedTuple):
    """What the database says about one model."""

    spec: ModelSpec | None
    rows: list[Newest]
    at: float
    known: list[str]  # the models there are


def read_model(model: str) -> Reading:
    """Ask the database for a model and the newest reading of each of its devices."""
    at = time.time()
    specs = selectors.model_specs()
    rows = selectors.newest(model=model) if model in specs else []
    return Reading(specs.get(model), rows, at, list(specs))


async def in_a_thread(work: Callable[[Argument], Result], argument: Argument) -> Result:
    """Ask the database from any free thread: one that is stuck must not hold up the sockets' own thread."""
    result: Result = await database_sync_to_async(work, thread_sensitive=False)(argument)
    return result
