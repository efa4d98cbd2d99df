"""Answers that are made while they are sent."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Generator
from typing import Self

from django.http import StreamingHttpResponse

from dashboard.api.errors import Unavailable

# Of one site process: each holds a connection to PostgreSQL, and half a core while it goes.
AT_ONCE = 4
_places = threading.BoundedSemaphore(AT_ONCE)


class Streamed(AsyncIterator[bytes]):
    """Blocks that threads make one after the other, each when the one before has been sent.

    `close` may be called at any time and more than once, and must be: it ends what the blocks come from.
    """

    def __init__(self, blocks: Generator[bytes], end: Callable[[], None]) -> None:
        """Take a place. `end` stops whatever `blocks` waits for, from another thread. Raises Unavailable."""
        if not _places.acquire(blocking=False):
            end()
            raise Unavailable(f"{AT_ONCE} exports are under way on this site. Try again soon.", "busy")
        self._blocks, self._end = blocks, end
        self._open = True
        self._closing = threading.Lock()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            block = await asyncio.to_thread(next, self._blocks, None)
        except BaseException:  # also when nobody wants the rest any more
            await asyncio.shield(asyncio.to_thread(self.close))
            raise
        if block is None:
            self.close()
            raise StopAsyncIteration
        return block

    def close(self) -> None:
        """End it."""
        with self._closing:
            if not self._open:
                return
            self._open = False
        try:
            self._end()
        finally:
            _places.release()

    def __del__(self) -> None:
        if getattr(self, "_open", False):
            self.close()


def download(blocks: Streamed, content_type: str, filename: str) -> StreamingHttpResponse:
    """Return an answer to be saved as a file. Django closes the blocks when it is sent or nobody wants it."""
    answer = StreamingHttpResponse(blocks, content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{filename}"'
    return answer
