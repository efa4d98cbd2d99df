"""Faults of the site: gone, with people in front of its pages."""

from __future__ import annotations

import asyncio
import json
import random
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from tests.chaos.proxy import Loop
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.project import eventually
from tests.stack import RunningStack
from tests.visitor import TIMEOUT_S, form_of

BACK_S = 30.0  # a new process takes some seconds to start
SUBSCRIPTION = json.dumps({"type": "subscribe", "model": "vehicle", "devices": "*", "fields": "*"})


def cookies_of(stack: RunningStack) -> str:
    """Sign in and return the cookies as a browser sends them."""
    jar = CookieJar()
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
    with opener.open(f"{stack.url}/admin/login/", timeout=TIMEOUT_S) as page:
        fields = form_of(page.read().decode())
    fields |= {"username": stack.user, "password": stack.password}
    opener.open(f"{stack.url}/admin/login/", urllib.parse.urlencode(fields).encode(), TIMEOUT_S).close()
    return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)


class Visitors:
    """Sockets that subscribe to everything and, when they are closed, come back after a moment of their own."""

    def __init__(self, loop: Loop, stack: RunningStack, count: int) -> None:
        self.watching: set[int] = set()  # who has had a frame on the connection that is open now
        self._loop, self._stack, self._cookies = loop, stack, cookies_of(stack)
        self._tasks: list[asyncio.Task[None]] = []
        loop.call(lambda: self._begin(count))

    def close(self) -> None:
        """Close all of them."""
        self._loop.call(lambda: [task.cancel() for task in self._tasks])

    def _begin(self, count: int) -> None:
        self._tasks = [asyncio.create_task(self._visit(number)) for number in range(count)]

    async def _visit(self, number: int) -> None:
        while True:
            try:
                await self._watch(number)
            except (OSError, TimeoutError, WebSocketException):
                self.watching.discard(number)
            await asyncio.sleep(random.uniform(0.2, 2.0))

    async def _watch(self, number: int) -> None:
        url, headers = self._stack.url.replace("http", "ws", 1) + "/ws/live", {"Cookie": self._cookies}
        async with connect(url, additional_headers=headers, origin=self._stack.url, open_timeout=10) as socket:  # type: ignore[arg-type]
            await socket.send(SUBSCRIPTION)
            async for _ in socket:
                self.watching.add(number)
        self.watching.discard(number)


@fault("F5", "kill -9 of the site with 200 sockets open")
def kill_site(scene: Scene) -> None:
    count = 20 if scene.small else 200
    visitors = Visitors(scene.ground.network.loop, scene.stack, count)
    try:
        eventually(lambda: len(visitors.watching) == count, f"{count} sockets get frames", 60)
        scene.begin()
        killed = scene.ground.signal("site")
        scene.ground.wait_for_another("site", killed)
        eventually(lambda: len(visitors.watching) < count, "sockets are closed")
        scene.measure(f"{count} sockets get frames again", lambda: len(visitors.watching) == count, BACK_S)
        scene.expect(scene.stack.answers("/readyz"), "the new site is not ready")
    finally:
        visitors.close()
