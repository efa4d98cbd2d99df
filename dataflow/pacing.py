"""Answers that are made while they are sent go no faster than whoever reads them, and break off visibly.

Daphne takes all that it is given: what a slow reader has not read yet would pile up in the site's memory. And when an
answer fails in its middle, Daphne can neither end it nor say so; the reader must not take what there is for the whole.
Both are mended here, on Twisted's side of Daphne: it is asked to say when its buffer is full (64 KiB), and a connection
whose answer has failed is cut, which every reader of HTTP/1.1 tells from an end, because the last chunk is missing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from daphne.http_protocol import WebRequest
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

log = logging.getLogger(__name__)

# A reader that takes nothing for so long has gone or hangs; what the answer is made from, such as a snapshot of the
# database, is not kept for it any longer.
PATIENCE_S = 60.0

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class ReaderHangs(Exception):
    """Whoever asked has read nothing of the answer for PATIENCE_S."""


def paced(application: Application) -> Application:
    """Return an ASGI application for HTTP whose streamed answers are paced. Under other servers it stays as it is."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        request = _request_behind(send)
        if request is None:
            await application(scope, receive, send)
            return
        answer = _Answer(request, send)
        try:
            await application(scope, receive, answer.send)
        except Exception as error:
            if not answer.begun:
                raise
            if isinstance(error, ReaderHangs):
                log.warning("%s: the reader has taken nothing for %g s; it is left", scope["path"], PATIENCE_S)
            else:
                log.exception("%s: the answer failed in its middle; its connection is cut", scope["path"])
            answer.cut()
        finally:
            answer.end()

    return serve


def _request_behind(send: Send) -> WebRequest | None:
    """Return Daphne's request that is answered by `send`: Server.create_application makes it a partial of that."""
    first = send.args[0] if isinstance(send, partial) and send.args else None
    return first if isinstance(first, WebRequest) else None


@implementer(IPushProducer)
class _Answer:
    """An answer on its way, as Twisted sees whoever produces it. Belongs to the event loop's thread."""

    def __init__(self, request: WebRequest, send: Send) -> None:
        self._request, self._send = request, send
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()
        self._registered = False
        self.begun = False

    async def send(self, message: Message) -> None:
        """Send, and return once there is room for more. Raises ReaderHangs."""
        more = bool(message.get("more_body"))
        if not more:
            self.end()  # Twisted wants producers to have gone before the end
        elif not self._registered and self._request.channel is not None:
            self._request.registerProducer(self, True)
            self._registered = True
        await self._send(message)
        self.begun = self.begun or message["type"] == "http.response.body"
        if more and not self._may_go_on.is_set():
            try:
                await asyncio.wait_for(self._may_go_on.wait(), PATIENCE_S)
            except TimeoutError as error:
                raise ReaderHangs from error

    def cut(self) -> None:
        """Close the connection without an end of the answer, at once."""
        if self._request.channel is not None:
            self._request.channel.transport.abortConnection()

    def end(self) -> None:
        """Have Twisted say nothing more."""
        if self._registered:
            self._registered = False
            if self._request.channel is not None:
                self._request.unregisterProducer()
            self._may_go_on.set()

    def pauseProducing(self) -> None:
        """Take note that the buffer is full."""
        self._may_go_on.clear()

    def resumeProducing(self) -> None:
        """Take note that the buffer is empty."""
        self._may_go_on.set()

    def stopProducing(self) -> None:
        """Take note that the connection has gone; that ends the answer by itself."""
        self._may_go_on.set()
