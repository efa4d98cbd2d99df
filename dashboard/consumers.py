"""The live socket, `/ws/live`. What travels over it stands in dashboard/live/messages.py."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

from dashboard.live.access import Scope, pass_of
from dashboard.live.hub import Hub, Socket, hub
from dashboard.live.mailbox import Mailbox
from dashboard.live.messages import NOT_SIGNED_IN, TOO_LONG, TOO_MANY, Unreadable, error_text, parse

log = logging.getLogger(__name__)

MAX_CHARACTERS = 65_536  # of one message: a subscription to a thousand devices with the longest of names
FAILED = 1011  # WebSocket's own code for a server that cannot go on
MESSAGES, PER_S = 60, 10.0


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """One browser tab or program. The hub makes what it is sent; this takes what it says."""

    # No channel of its own: the hub listens once for all sockets of the process.
    channel_layer_alias = "none"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._hub: Hub | None = None
        self._socket: Socket | None = None
        self._writer: asyncio.Task[None] | None = None
        self._since, self._count = 0.0, 0

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Serve the connection; leave nothing behind, also when the server cancels it without a word."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self._writer is not None:
                self._writer.cancel()
            if self._hub is not None and self._socket is not None:
                self._hub.remove(self._socket)

    async def connect(self) -> None:
        """Let in who is signed in. Others are let in and shown out: only then does a browser learn the code."""
        await self.accept()
        held = pass_of(self.scope)
        if held is None:
            await self.close(NOT_SIGNED_IN)
            return
        self._hub, self._socket = hub(), Socket(held, Mailbox(self.scope["backlog"]))
        self._hub.add(self._socket)
        self._writer = asyncio.create_task(self._write(self._socket))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take one message. What is not understood is answered with an error; too much of anything ends it."""
        if self._hub is None or self._socket is None:
            return
        if len(text_data or bytes_data or "") > MAX_CHARACTERS:
            self._socket.mailbox.close(TOO_LONG)
        elif self._is_too_much():
            self._socket.mailbox.close(TOO_MANY)
        else:
            try:
                await self._take(self._hub, self._socket, text_data)
            except Unreadable as error:
                self._socket.mailbox.put(error_text(error.code, error.detail))

    async def _take(self, hub: Hub, socket: Socket, text: str | None) -> None:
        if text is None:
            raise Unreadable("not_text", "Send text, not bytes.")
        await hub.subscribe(socket, parse(text))

    def _is_too_much(self) -> bool:
        now = time.monotonic()
        if now - self._since > PER_S:
            self._since, self._count = now, 0
        self._count += 1
        return self._count > MESSAGES

    async def _write(self, socket: Socket) -> None:
        """Send what the mailbox holds, one after the other; a server that pushes back makes it wait there."""
        try:
            while True:
                item = await socket.mailbox.next()
                if isinstance(item, int):
                    await self.close(item)
                    return
                await self.send(text_data=item)
        except Exception:
            # Without a writer the socket would stay open and silent; closed, the page comes back.
            log.exception("cannot write to a live socket, which is closed")
            await self.close(FAILED)
