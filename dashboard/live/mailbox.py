"""What one socket is still to be sent: bounded, however slowly it takes it.

While the network has more than MAX_BACKLOG to take, nothing goes out. Frames do not queue meanwhile: the newest values
of each device wait in one frame, the points on the way there are left out, and when the socket has caught up a gap in
the numbers says so. A socket that never catches up is closed by the hub.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from dashboard.live.frames import Frame, Snapshot, numbered
from dashboard.live.messages import TOO_MANY, Closing

MAX_BACKLOG = 256 * 1024  # bytes on their way: four of the largest messages
LOOK_AGAIN_S = 0.1  # pause before looking whether the network has taken something
MAX_TEXTS = 20  # answers to a client that asks and does not read


class Mailbox:
    """The outgoing side of one socket. Everything but `next` returns at once."""

    def __init__(self, backlog: Callable[[], int] = lambda: 0) -> None:
        """`backlog` says how many bytes the network has not taken yet."""
        self._backlog = backlog
        self._texts: deque[str] = deque()
        self._parts: deque[str] = deque()  # of the frame that is going out
        self._frame: Frame | None = None
        self._since = 0.0
        self._seq = 0
        self._missed = False
        self._closing: Closing | None = None
        self._ready = asyncio.Event()

    def put(self, text: str) -> None:
        """Add a text that goes out before any frame."""
        if len(self._texts) >= MAX_TEXTS:
            self.close(TOO_MANY)
        else:
            self._texts.append(text)
            self._ready.set()

    def begin(self, snapshot: Snapshot) -> None:
        """Begin a subscription: its snapshot goes out next, a frame of the one before does not, and numbers restart."""
        self._parts = deque(snapshot.rest.parts if snapshot.rest else ())
        self._frame, self._seq, self._missed = None, 0, False
        self.put(snapshot.text)

    def offer(self, frame: Frame, now: float) -> None:
        """Add a frame; it is joined with one that still waits. `now` is a steady clock, in seconds."""
        if self._frame is None:
            self._frame, self._since = frame, now
        else:
            self._frame = self._frame.followed_by(frame)
            self._missed = True
        self._ready.set()

    def leave_a_gap(self) -> None:
        """Leave out a number before the next frame, which tells the client that something was missed."""
        self._missed = True

    def close(self, code: Closing) -> None:
        """Close the socket instead of sending anything more."""
        self._closing = self._closing or code
        self._ready.set()

    def waits(self, now: float) -> float:
        """Return for how many seconds a frame has waited to be taken."""
        return now - self._since if self._frame is not None else 0.0

    async def next(self) -> str | Closing:
        """Wait for what is to be done next, and return it: a text to send, or a code to close with."""
        while True:
            if self._closing is not None:
                return self._closing
            if not (self._texts or self._parts or self._frame):
                self._ready.clear()
                await self._ready.wait()
            elif self._backlog() > MAX_BACKLOG:
                await asyncio.sleep(LOOK_AGAIN_S)
            elif self._texts:
                return self._texts.popleft()
            else:
                return self._next_of_frame()

    def _next_of_frame(self) -> str:
        if not self._parts and self._frame is not None:
            frame, self._frame = self._frame, None
            self._parts = deque(frame.parts)
            # A client that lags is told when it has caught up: reading everything again would only make it slower.
            if self._missed and not frame.joined:
                self._seq, self._missed = self._seq + 1, False
        self._seq += 1
        return numbered(self._seq, self._parts.popleft())
