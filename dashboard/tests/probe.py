"""An application for a real Daphne: sends far more than is read, and says how much of it Daphne still had."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dashboard.live.backlog import backlog_of

TEXT, TEXTS = "x" * 50_000, 400  # 20 MB: more than the kernel takes for a connection that nobody reads


async def application(
    scope: dict[str, Any], receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
) -> None:
    """Send everything at once, then, when the client has read it and says so, what the backlog was before and after."""
    backlog = backlog_of(send)
    await receive()
    await send({"type": "websocket.accept"})
    for _ in range(TEXTS):
        await send({"type": "websocket.send", "text": TEXT})
    await asyncio.sleep(0.2)
    unread = backlog()
    await receive()
    await send({"type": "websocket.send", "text": f"{unread} {backlog()}"})
    while (await receive())["type"] != "websocket.disconnect":
        pass
