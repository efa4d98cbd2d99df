"""How full the buffers are, and which of them get no batches for that.

A stream entry is the only copy of what it holds between the broker and PostgreSQL, so nothing is ever trimmed: a buffer
that is too full is left out, and when all are, nothing is acknowledged any more. Acknowledging and deleting entries
works at any fill level; settling the ledger and new consumer groups need the room that is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import redis

AGAIN_BELOW = 5  # percent below the bound at which a buffer that was left out gets batches again
MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Memory:
    """What a server uses, and what it may use, in bytes; 0 for no limit."""

    used: int
    limit: int

    @property
    def percent(self) -> float | None:
        """Return how full it is; None when it has no limit."""
        return 100 * self.used / self.limit if self.limit else None


def memory_of(client: redis.Redis) -> Memory:
    """Ask a server. Raises redis.RedisError."""
    info: Any = client.info("memory")
    return Memory(int(info["used_memory"]), int(info.get("maxmemory", 0)))


def too_full(memories: Mapping[str, Memory], percent: int, max_mb: int, before: Collection[str] = ()) -> dict[str, str]:
    """Return which buffers get no batches, and why; `before` are those that got none until now. Pure.

    `percent` bounds each by its own limit; `max_mb` bounds what all hold together, 0 for no bound.
    """
    total = sum(memory.used for memory in memories.values()) / MB
    if max_mb and total > max_mb * (1 - AGAIN_BELOW / 100 * bool(before and memories.keys() <= set(before))):
        return dict.fromkeys(memories, f"all buffers together hold {total:,.0f} MB (BUFFERS_MAX_MB is {max_mb:,})")
    reasons = {}
    for name, memory in memories.items():
        bound = percent - AGAIN_BELOW if name in before else percent
        if memory.percent is not None and memory.percent > bound:
            reasons[name] = f"{memory.percent:.0f} % of its memory is used (BUFFER_FILL_PERCENT is {percent})"
    return reasons
