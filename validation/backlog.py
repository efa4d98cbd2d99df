"""Tell whether live ingest is behind, so that work that can wait does."""

from __future__ import annotations

import logging

import redis

from ingest.buffers import ring_urls
from ingest.ring import PROBE_TIMEOUT_S, connect, without_password
from validation.streams import StreamReader

log = logging.getLogger(__name__)

# Entries waiting in one buffer: the largest chunk of a worker. Some that nobody can store must not stop everything.
BEHIND = 64


def is_behind() -> bool:
    """Say whether a buffer holds more entries than a worker takes in one go at most. A buffer that is away holds none.

    Blocks for PROBE_TIMEOUT_S a buffer at most.
    """
    return any(_waiting(url) > BEHIND for url in ring_urls())


def _waiting(url: str) -> int:
    try:
        with connect(url, PROBE_TIMEOUT_S) as client:
            return StreamReader(client).waiting()
    except redis.RedisError as error:
        log.debug("the buffer %s cannot be asked how much waits: %s", without_password(url), error)
        return 0
