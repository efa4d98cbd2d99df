"""Listen to what `validation` announces, for as long as the process serves sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import redis
from channels.layers import get_channel_layer

from validation.events import TELEMETRY, Stored

log = logging.getLogger(__name__)

# The group forgets members (setting group_expiry), and a server that lost its data has forgotten all of them.
REJOIN_S = 60.0
QUIET_S = 20.0  # without an announcement for this long the membership is renewed as well: nobody may know of us
JOIN_TIMEOUT_S = 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 5.0


class Listener:
    """One member of the group of announcements. What comes is passed on; a loss of the connection is made known."""

    def __init__(self, on_stored: Callable[[Stored], None], on_rejoined: Callable[[], None]) -> None:
        """`on_rejoined` is called when listening works again after announcements may have been lost."""
        self._on_stored, self._on_rejoined = on_stored, on_rejoined
        self._joined = asyncio.Event()
        self._failed = False

    async def joined(self, timeout_s: float) -> None:
        """Wait until announcements arrive here, or for the time-out: without them, the database still has all."""
        try:
            await asyncio.wait_for(self._joined.wait(), timeout_s)
        except TimeoutError:
            log.warning("not listening to announcements yet; live pages are read from the database")

    async def listen_for_ever(self) -> None:
        """Join and pass on what comes; come back after every failure of the channel layer."""
        pause = FIRST_PAUSE_S
        while True:
            try:
                await self._listen(get_channel_layer())
            except (redis.RedisError, OSError) as error:
                if not self._failed:
                    log.warning("announcements cannot be heard, live pages are read from the database: %r", error)
                # A failure after a success may be a short one, and begins with the short pause.
                pause = min(2 * pause, LONGEST_PAUSE_S) if self._failed else FIRST_PAUSE_S
                self._failed = True
                self._joined.clear()
                await asyncio.sleep(pause)

    async def _listen(self, layer: Any) -> None:
        channel = await layer.new_channel("live")
        try:
            await self._join(layer, channel)
            while True:
                await self._pass_on_for_a_while(layer, channel)
                await self._join(layer, channel)
        finally:
            await self._leave(layer, channel)

    async def _pass_on_for_a_while(self, layer: Any, channel: str) -> None:
        until = time.monotonic() + REJOIN_S
        while time.monotonic() < until:
            try:
                async with asyncio.timeout(QUIET_S):
                    message = await layer.receive(channel)
            except TimeoutError:
                return
            if message.get("type") == "telemetry.stored":
                self._on_stored(message)

    async def _join(self, layer: Any, channel: str) -> None:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            await layer.group_add(TELEMETRY, channel)
        self._joined.set()
        if self._failed:
            log.warning("announcements are heard again")
            self._failed = False
            self._on_rejoined()

    async def _leave(self, layer: Any, channel: str) -> None:
        try:
            async with asyncio.timeout(1.0):
                await layer.group_discard(TELEMETRY, channel)
        except (redis.RedisError, OSError) as error:
            log.info("could not leave the group of announcements, which forgets by itself: %r", error)
