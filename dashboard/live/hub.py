"""One hub per process: it follows the models that sockets want, and gives every socket its frames.

It works while there is a socket. Everything here runs in the event loop; only the database is asked from threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
import weakref
from collections import defaultdict

from django.db import DatabaseError, InterfaceError

from dashboard.live.access import Pass, still_valid
from dashboard.live.database import in_a_thread, read_model
from dashboard.live.frames import Frame, selected
from dashboard.live.going import keep_going
from dashboard.live.listener import Listener
from dashboard.live.mailbox import Mailbox
from dashboard.live.messages import NOT_SIGNED_IN, TOO_SLOW, Entry, Subscription, Unreadable
from dashboard.live.pacing import Pacing
from dashboard.live.state import ModelState
from validation.events import Stored
from validation.selectors import TooSlow

log = logging.getLogger(__name__)

# Seconds between two frames that are to be a second apart: a little less, which leaves room for a busy loop.
TICK_S = 0.9
# Seconds between two readings of the newest rows, which bring what announcements lost. A reading that takes long is
# made less often, so that it never takes more than a hundredth of a thread's time.
REREAD_S, SPARING = 10.0, 100.0
RECHECK_S = 60.0  # between two looks at whether those connected may still be
SLOW_S = 60.0  # a socket that takes no frame for so long is closed
JOIN_WAIT_S = 1.0  # how long a first subscription waits for the announcements to be heard


class Socket:
    """One connection, as the hub sees it."""

    def __init__(self, held: Pass, mailbox: Mailbox) -> None:
        self.held, self.mailbox = held, mailbox
        self.subscription: Subscription | None = None
        self.asked_for: Subscription | None = None  # while its snapshot is being made

    def models(self) -> set[str]:
        """Return the models this socket needs to be followed."""
        return {wanted.model for wanted in (self.subscription, self.asked_for) if wanted is not None}


class Hub:
    """The live data of one process, from its first socket to its last. Use it from its event loop only."""

    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._models: dict[str, ModelState] = {}
        self._loading: dict[str, asyncio.Task[ModelState]] = {}
        self._early: dict[str, list[Stored]] = {}
        self._reread_now = asyncio.Event()
        self._lost = False
        self._pacing = Pacing()
        self._refreshed = 0.0
        self._listener = Listener(self._take, self._on_rejoined)
        self._work: asyncio.Task[None] | None = None
        self.ended = False

    # --- Sockets ---------------------------------------------------------------------------------------------------

    def add(self, socket: Socket) -> None:
        """Take a socket in; the first one starts the work."""
        self._sockets.add(socket)
        if self._work is None:
            self._work = asyncio.create_task(self._run(), name="live hub")

    def remove(self, socket: Socket) -> None:
        """Let a socket go; with the last one the work ends, and the next socket gets another hub."""
        self._sockets.discard(socket)
        if self._sockets or self._work is None:
            return
        self.ended = True
        for task in (self._work, *self._loading.values()):
            task.cancel()

    async def subscribe(self, socket: Socket, wanted: Subscription) -> None:
        """Give a socket a snapshot, and frames from then on. The subscription before it ends with the snapshot.

        Raises Unreadable when there is no such model or field, or when the database cannot say.
        """
        socket.asked_for = wanted
        try:
            state = await self._state(wanted.model)
            unknown = sorted((wanted.fields or frozenset()) - state.fields.keys())
            if unknown:
                raise Unreadable("unknown_field", f"{wanted.model} has {', '.join(state.fields)}, not {unknown[0]!r}.")
            # Nothing is awaited from here on, so no frame can come between the snapshot and the subscription.
            socket.subscription = wanted
            socket.mailbox.begin(state.snapshot(wanted, time.time()))
        finally:
            socket.asked_for = None

    # --- Models ----------------------------------------------------------------------------------------------------

    async def _state(self, model: str) -> ModelState:
        if model in self._models:
            return self._models[model]
        if model not in self._loading:
            self._loading[model] = asyncio.create_task(self._load(model))
            self._loading[model].add_done_callback(lambda _: self._loading.pop(model))
        # Shielded: others may be waiting for the same model when this socket goes away.
        return await asyncio.shield(self._loading[model])

    async def _load(self, model: str) -> ModelState:
        await self._listener.joined(JOIN_WAIT_S)
        # What is announced from here on is either in the rows already or is added to them.
        early = self._early[model] = []
        try:
            reading = await in_a_thread(read_model, model)
        except (DatabaseError, InterfaceError, TooSlow) as error:
            log.warning("the newest values of %s cannot be read: %s", model, error)
            raise Unreadable("unavailable", "The database does not answer. Try again soon.") from error
        finally:
            del self._early[model]
        if reading.spec is None:
            known = ", ".join(reading.known) or "none yet"
            raise Unreadable("unknown_model", f"There is no model {model[:80]!r}. Published: {known}.")
        state = ModelState(reading.spec)
        state.take_rows(reading.rows, reading.at)
        for stored in early:
            state.take_announcement(stored, time.time())
        state.refresh(time.time())
        self._models[model] = state
        return state

    def _take(self, stored: Stored) -> None:
        if stored["model"] in self._early:
            self._early[stored["model"]].append(stored)
        elif stored["model"] in self._models:
            self._models[stored["model"]].take_announcement(stored, time.time())

    def _on_rejoined(self) -> None:
        self._lost = True
        self._reread_now.set()

    # --- Work ------------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        parts = (self._listener.listen_for_ever, self._tick_for_ever, self._reread_for_ever, self._recheck_for_ever)
        await asyncio.gather(*(keep_going(part) for part in parts))

    async def _tick_for_ever(self) -> None:
        while True:
            self.tick(time.time(), time.monotonic())
            await asyncio.sleep(self._pacing.pause(time.monotonic(), TICK_S))

    def tick(self, now: float, steady: float) -> None:
        """Give subscriptions the frame that is due. `now` is in seconds since 1970, `steady` on a steady clock."""
        followed = set().union(*(socket.models() for socket in self._sockets))
        for model in self._models.keys() - followed:
            del self._models[model]
        groups = self._by_subscription()
        due = self._pacing.due({wanted.interval_ms for wanted in groups}, steady, TICK_S)
        owed = self._pacing.owed(due, self._take_changes(now, steady))
        for wanted, sockets in groups.items():
            if wanted.interval_ms not in due:
                continue
            frame = Frame(now, wanted.model, selected(owed[wanted.interval_ms, wanted.model], wanted))
            for socket in sockets:
                socket.mailbox.offer(frame, steady)
                if socket.mailbox.waits(steady) > SLOW_S:
                    socket.mailbox.close(TOO_SLOW)

    def _take_changes(self, now: float, steady: float) -> dict[str, list[Entry]]:
        """Return what has changed of each model; which devices are late is looked at once a second, not oftener."""
        if steady - self._refreshed > TICK_S / 2:
            self._refreshed = steady
            for state in self._models.values():
                state.refresh(now)
        return {model: state.take_changes() for model, state in self._models.items()}

    def _by_subscription(self) -> dict[Subscription, list[Socket]]:
        groups: dict[Subscription, list[Socket]] = defaultdict(list)
        for socket in self._sockets:
            if socket.subscription is not None:
                groups[socket.subscription].append(socket)
        return groups

    async def _reread_for_ever(self) -> None:
        pause = REREAD_S
        while True:
            # Either something was lost, or it is simply time.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reread_now.wait(), pause)
            self._reread_now.clear()
            lost, self._lost = self._lost, False
            began = time.monotonic()
            for model in list(self._models):
                await self._reread(model, lost)
            pause = max(REREAD_S, SPARING * (time.monotonic() - began))

    async def _reread(self, model: str, lost: bool) -> None:
        """Read a model anew; when something was missed, leave a gap in the numbers of whoever follows it."""
        try:
            reading = await in_a_thread(read_model, model)
        except (DatabaseError, InterfaceError, TooSlow) as error:
            self._lost = self._lost or lost
            log.warning("the newest values of %s cannot be read: %s", model, error)
            return
        state = self._models.get(model)
        if state is None:
            return
        if reading.spec != state.spec and reading.spec is not None:
            # Another version: its fields stand in a snapshot only, so everybody has to ask for one.
            state = self._models[model] = ModelState(reading.spec)
            lost = True
        if state.take_rows(reading.rows, reading.at) or lost:
            for socket in self._sockets:
                if socket.subscription is not None and socket.subscription.model == model:
                    socket.mailbox.leave_a_gap()

    async def _recheck_for_ever(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_S)
            await self.recheck()

    async def recheck(self) -> None:
        """Close the sockets of those who are not signed in any more."""
        held = {socket.held for socket in self._sockets}
        try:
            valid = await in_a_thread(still_valid, held)
        except (DatabaseError, InterfaceError) as error:
            log.warning("cannot check who is still signed in: %s", error)
            return
        for socket in self._sockets:
            if socket.held in held - valid:
                socket.mailbox.close(NOT_SIGNED_IN)


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def hub() -> Hub:
    """Return the hub of the running event loop; there is one loop in a process that serves."""
    loop = asyncio.get_running_loop()
    found = _hubs.get(loop)
    if found is None or found.ended:
        found = _hubs[loop] = Hub()
    return found
