"""What one socket is still to be sent: bounded, however slowly it takes it.

Daphne takes every text at once and never says how much of it the network has taken (django/daphne#170). Three things
keep a slow reader from growing our memory: at most one frame waits here, joined with those that follow it; Daphne ends
a connection that answers no ping within 30 s, and a ping waits behind what was sent before it; and a client that
acknowledges frames is never sent more than ACK_WINDOW ahead.
"""

from __future__ import annotations

import asyncio
from collections import deque

from dashboard.live.frames import Frame, Snapshot, numbered
from dashboard.live.messages import TOO_MANY, Closing

ACK_WINDOW = 4  # frames; at one a second more than any healthy connection needs
MAX_TEXTS = 20  # answers to a client that asks and does not read


class Mailbox:
    """The outgoing side of one socket. Everything but `next` returns at once."""

    def __init__(self) -> None:
        self._texts: deque[str] = deque()
        self._parts: deque[str] = deque()  # of the frame that is going out
        self._frame: Frame | None = None
        self._since = 0.0
        self._seq = 0
        self._gap = False
        self._acked: int | None = None
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
        self._frame, self._seq, self._gap = None, 0, False
        self._acked = None if self._acked is None else 0
        self.put(snapshot.text)

    def offer(self, frame: Frame, now: float) -> None:
        """Add a frame; it is joined with one that still waits. `now` is a steady clock, in seconds."""
        if self._frame is None:
            self._frame, self._since = frame, now
        else:
            self._frame = self._frame.followed_by(frame)
        self._ready.set()

    def leave_a_gap(self) -> None:
        """Leave out a number before the next frame, which tells the client that something was missed."""
        self._gap = True

    def acknowledge(self, seq: int) -> bool:
        """Note that the client has worked through the frames up to this one; tell whether that is news."""
        before = self._acked
        self._acked = min(max(seq, before or 0), self._seq)
        self._ready.set()
        return self._acked != before

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
            if self._texts:
                return self._texts.popleft()
            if not self._parts and self._frame is not None and not self._is_ahead():
                self._parts, self._frame = deque(self._frame.parts), None
            if self._parts and not self._is_ahead():
                self._seq, self._gap = self._seq + 1 + self._gap, False
                return numbered(self._seq, self._parts.popleft())
            self._ready.clear()
            await self._ready.wait()

    def _is_ahead(self) -> bool:
        return self._acked is not None and self._seq - self._acked >= ACK_WINDOW
