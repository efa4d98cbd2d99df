"""Whether everything that requests need can be reached. The answers name parts and never addresses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from ingest.buffers import ring_urls
from ingest.models import Buffer
from ingest.ring import connect
from validation.workers import queues_that_stand

log = logging.getLogger(__name__)

OK, AWAY, UNKNOWN = "ok", "does not answer", "not known"
MIGRATIONS_MISSING = "not all applied: run manage.py migrate"
REDIS_TIMEOUT_S = 1.0

# Migrations that were applied once stay so for the life of a process; looking is not free.
_migrated: set[str] = set()


def readiness() -> dict[str, str]:
    """Return each part with `ok` or what is wrong with it. Blocks for a second per server that is away."""
    parts = {"database": _answer("database", _ask_database)}
    parts["migrations"] = _migrations() if parts["database"] == OK else UNKNOWN
    parts["redis"] = _answer("redis", partial(_ask_redis, settings.REDIS_URL))
    active = ring_urls((Buffer.State.ACTIVE,)) if parts["migrations"] == OK else settings.BUFFER_URLS
    for number, url in enumerate(active, start=1):
        parts[f"buffer {number}"] = _answer(f"buffer {number}", partial(_ask_redis, url))
    return parts


def attention() -> list[str]:
    """Return what somebody should look at although requests can be served, in sentences: queues that stand."""
    try:
        return queues_that_stand()
    except (redis.RedisError, OSError) as error:
        log.debug("the queue cannot be asked, which `readiness` says: %s", error)
        return []


def _answer(part: str, ask: Callable[[], None]) -> str:
    try:
        ask()
    except (DatabaseError, redis.RedisError, OSError) as error:
        log.warning("%s does not answer: %s", part, error)
        return AWAY
    return OK


def _ask_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _ask_redis(url: str) -> None:
    with connect(url, REDIS_TIMEOUT_S) as client:
        client.ping()


def _migrations() -> str:
    name = str(connection.settings_dict["NAME"])
    if name not in _migrated:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return MIGRATIONS_MISSING
        _migrated.add(name)
    return OK
