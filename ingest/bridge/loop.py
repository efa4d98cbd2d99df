"""The bridge: one thread that takes messages from the broker, puts them into buffers, and then acknowledges them.

    socket → BridgeClient.read → Pending → Delivery → Ring.append → BridgeClient.acknowledge → socket

One thread does all of it, so nothing is shared and nothing needs a lock. Threads of their own have only what may block
on others: looking up and dialling the broker (`ingest.broker`), waking the workers (`ingest.wake`), and asking the
database which slots are the bridge's (`ingest.bridge.keeper`).

What goes wrong with one connection ends that connection: the broker sends again what was not acknowledged. What goes
wrong with the loop itself ends the process, so that whoever supervises it starts a new one.
"""

from __future__ import annotations

import logging
import selectors
import socket
import time
from collections.abc import Callable, Sequence

from ingest.bridge.counters import Counters
from ingest.bridge.delivery import Buffers, Delivery
from ingest.bridge.filters import Filters
from ingest.bridge.fitness import Fitness
from ingest.bridge.holdings import Holdings
from ingest.bridge.pending import Pending
from ingest.bridge.report import Report
from ingest.bridge.slot import Slot
from ingest.bridge.tenure import Tenure
from ingest.bridge.window import LEAST, WindowGuess
from ingest.broker import Broker
from ingest.slots import Lease

log = logging.getLogger(__name__)

TICK_S = 0.25  # between two looks at what time alone brings about: reconnects, pings, the watchdog, the report
# While a batch is filling, the sockets are left alone for this long between two reads, because brokers write packet by
# packet and a look at the socket costs as much as twenty messages. Nobody waits for it: a batch waits longer anyway.
REST_S = 0.002
REST_BELOW_BYTES = 32 * 1024  # a read that brought more than this was worth its cost
LULL_S = 0.001  # without anything from the broker, after which it may be waiting for us
OWN_ERROR = "%s: an error in the bridge; it connects again, so the broker sends again what is not acknowledged"


class Bridge:
    """Run the slots of one process. `stop` and `ring_bell` may be called from anywhere, the rest from one thread."""

    def __init__(
        self,
        name: str,
        broker: Broker,
        topics: Sequence[str],
        buffers: Buffers,
        wake_workers: Callable[[str], None],
        tenure: Tenure,
        shared: bool = True,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Make a bridge that uses the sessions of its tenure; `wake_workers` gets the identity of a buffer."""
        self.counters = Counters()
        self.pending = Pending(name, self.counters)
        self._buffers, self._report = buffers, Report(self.counters)
        self.delivery = Delivery(self.pending, buffers, wake_workers, self.counters, self._report)
        self._selector = selectors.DefaultSelector()
        self._ear, self.bell = socket.socketpair()  # a byte written to `bell` ends the wait for sockets
        for end in (self._ear, self.bell):
            end.setblocking(False)
        self._selector.register(self._ear, selectors.EVENT_READ)
        self._broker, self._topics, self._shared = broker, tuple(topics), shared
        self._tenure = tenure
        self._holdings = Holdings(tenure, self._open_slot, self._bring_in)
        self._window, self._fitness = WindowGuess(), Fitness(broker, self.ring_bell)
        self._beat, self._subscribed = beat, False
        self._stopping = False
        self._next_tick = 0.0
        self._brought = 0  # bytes that the last look at the sockets brought

    @property
    def slots(self) -> list[Slot]:
        """Return the slots that are in use."""
        return self._holdings.slots

    def ring_bell(self) -> None:
        """Make the loop look around at once."""
        try:
            self.bell.send(b"\0")
        except OSError:
            log.debug("the bell is ringing already, or nobody listens any more")

    def stop(self) -> None:
        """Let `run` end after what it has in hand."""
        self._stopping = True
        self.ring_bell()

    def run(self) -> None:
        """Work until `stop`; then bring in what was taken, acknowledge it, and leave the sessions to the broker."""
        while not self._stopping:
            self.step()
        self._finish()

    def step(self) -> None:
        """Wait for the network or the clock, once, and do what they ask for."""
        if self.pending.due() is not None and self._brought < REST_BELOW_BYTES and not self._window.size:
            time.sleep(REST_S)
        self._brought = 0
        events = self._selector.select(self._patience())
        if self._tenure.lapsed():
            self._holdings.follow(time.monotonic())  # which drops what may be somebody else's by now
        for key, mask in events:
            if key.data is None:
                self._ear.recv(4096)
                self._next_tick = 0.0
            elif key.data.watched:
                self._serve(key.data, mask)
        now = time.monotonic()
        self._seal(now, quiet=not events)
        self.delivery.deliver(now)
        if now >= self._next_tick:
            self._tick(now)
        reading = not self.pending.full()
        for slot in self.slots:
            self._watch(slot, reading)

    def _seal(self, now: float, quiet: bool) -> None:
        """Close the open batch when it is due, or when the broker seems to wait for its acknowledgements."""
        due, owed = self.pending.due(), self.pending.owed
        late = due is not None and now >= due
        if late or self._window.full(owed) or (quiet and self._window.lull(owed)):
            self.pending.seal()

    def _bring_in(self) -> None:
        """Put all that was taken into a buffer, and acknowledge it."""
        self.pending.seal()
        self.delivery.deliver(time.monotonic(), at_once=True)

    # --- Sockets ---------------------------------------------------------------------------------------------------

    def _patience(self) -> float:
        """Return for how many seconds nothing has to be done unless a socket asks for it."""
        if self.pending.owed >= LEAST:
            return LULL_S
        due = [when for when in (self._next_tick, self.delivery.due(), self.pending.due()) if when is not None]
        return max(0.0, min(due) - time.monotonic())

    def _open_slot(self, lease: Lease) -> Slot:
        filters = Filters.of(self._topics, lease.client_id, self._shared)
        tools = (self.pending, self.counters, self.ring_bell, self._unwatch, self._tenure)
        return Slot(lease, self._broker, filters, *tools)

    def _serve(self, slot: Slot, mask: int) -> None:
        try:
            if mask & selectors.EVENT_READ:
                self._brought += slot.client.read()
            if mask & selectors.EVENT_WRITE:
                slot.client.loop_write()
        except Exception:
            log.exception(OWN_ERROR, slot.client_id)
            slot.client.drop("an error in the bridge")

    def _watch(self, slot: Slot, reading: bool) -> None:
        """Tell the selector what to wait for on a slot's socket, when that has changed."""
        sock = slot.client.socket()
        wanted = 0 if sock is None else slot.interest(reading)
        if sock is None or wanted == slot.watched:
            return
        if not wanted:
            self._selector.unregister(sock)
        elif slot.watched:
            self._selector.modify(sock, wanted, slot)
        else:
            self._selector.register(sock, wanted, slot)
        slot.watched = wanted

    def _unwatch(self, sock: socket.socket) -> None:
        """Forget a socket that is about to be closed."""
        key = self._selector.get_map().get(sock)
        if key is not None:
            key.data.watched = 0
            self._selector.unregister(sock)

    # --- Time ------------------------------------------------------------------------------------------------------

    def _tick(self, now: float) -> None:
        self._next_tick = now + TICK_S
        self._holdings.follow(now)
        reading = not self.pending.full()
        for slot in self.slots:
            try:
                slot.tend(now, reading)
            except Exception:
                log.exception(OWN_ERROR, slot.client_id)
                slot.client.drop("an error in the bridge")
        connected = tuple(slot.client_id for slot in self.slots if slot.ready)
        self._tenure.say_connected(connected)
        ready = len(connected)
        self._tenure.say_fit(self._fitness.judge(now, bool(self.slots), ready > 0, not self.pending.sealed))
        aside = self._buffers.set_aside()
        # Until it has subscribed for the first time, the broker keeps nothing for it.
        self._subscribed = self._subscribed or (self._tenure.known and ready == len(self.slots))
        if self._subscribed:
            self._beat()
        self._report.progress(
            now,
            f"{ready} of {len(self.slots)} slots connected",
            f"{len(self._buffers.in_use())} buffers in use" + "".join(f", {name} is set aside" for name in aside),
        )

    def _finish(self) -> None:
        """Bring in the last batch, send the last acknowledgements, and say goodbye to the broker."""
        self._bring_in()
        self._holdings.close_all()
        self._selector.close()
        self._ear.close()
        self.bell.close()
        log.info("ended: %s", self._report.summary())
