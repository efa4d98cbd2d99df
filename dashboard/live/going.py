"""Keep what is never to end going."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)

RESTART_S = 1.0  # pause before something that failed unexpectedly is started again


async def keep_going(part: Callable[[], Awaitable[None]]) -> None:
    """Run something that is never to end, and start it again when it fails all the same."""
    while True:
        try:
            await part()
        except Exception:
            log.exception("%s failed and is started again", getattr(part, "__qualname__", part))
        await asyncio.sleep(RESTART_S)
