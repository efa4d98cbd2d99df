"""A slot: one persistent session at the broker, and the connections it has one after another.

A slot that retires, because fewer are wanted now, takes its subscriptions back, empties the session, and is `over`
when nothing comes any more.
"""

from __future__ import annotations

import logging
import random
import selectors
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.bridge.client import SESSION_EXPIRY_S, BridgeClient
from ingest.bridge.counters import Counters
from ingest.bridge.filters import Filters
from ingest.bridge.pending import Pending
from ingest.bridge.tenure import Tenure
from ingest.broker import Broker, Dial
from ingest.broker_health import lost_session
from ingest.slots import Lease

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0  # before the next attempt to connect, doubled at each failure in a row
PROVEN_S = 10.0  # a connection that lasted so long was a good one; the next failure is the first again
HANDSHAKE_S = 10.0  # for CONNACK and SUBACK to arrive
# No message may stay unacknowledged for longer while buffers take batches: it would hold a place in the receive window
# for ever, because brokers send again only after a reconnect.
WATCHDOG_S = 30.0
QUIET_S = 2.0  # without a message, after which a session that is subscribed to nothing any more is empty
NO_SHARING = 0x9E  # the reason code of a broker without shared subscriptions
TAKEN_OVER = "somebody else has taken the session over"
LEFT_ALONE = ". So it is left alone"
ALIEN = ", although it is leased to this bridge. Another installation at this broker needs another MQTT_GROUP"


class Slot:
    """Keep one session connected and subscribed. Not thread-safe; `wake` is called from another thread."""

    def __init__(
        self,
        lease: Lease,
        broker: Broker,
        filters: Filters,
        pending: Pending,
        counters: Counters,
        wake: Callable[[], None],
        before_close: Callable[[socket.socket], None],
        tenure: Tenure,
    ) -> None:
        self.lease, self.client_id = lease, lease.client_id
        self.client = BridgeClient(lease.client_id, pending, counters, before_close, lambda: tenure.holds(lease))
        self.client.username_pw_set(broker.username, broker.password)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_unsubscribe = self._unsubscribed
        self.client.on_disconnect = self._disconnected
        self.ready = False  # subscribed, so that messages come; or, when it retires, no longer
        self.over = False  # it has retired
        self.leaving_since: float | None = None  # nothing more is read, because it is given back
        self.watched = 0  # what the selector waits for on its socket; kept by the loop
        self._broker, self._filters, self._counters, self._wake = broker, filters, counters, wake
        self._tenure = tenure
        self._dial: Dial | None = None
        self._open_since: float | None = None
        self._retry_at, self._pause = 0.0, FIRST_PAUSE_S
        self._last_connected: datetime | None = None  # by this bridge, for as long as it has the slot
        self._cuts = 0  # connections in a row that were cut off soon, without a lease
        self._reported = ""

    def interest(self, reading: bool) -> int:
        """Return what to wait for on the socket, as a mask of the module `selectors`."""
        wanted = selectors.EVENT_READ if reading and self.leaving_since is None else 0
        return wanted | selectors.EVENT_WRITE if self.client.want_write() else wanted

    def tend(self, now: float, reading: bool) -> None:
        """Take the next step that time or the network calls for; never blocks."""
        if self._dial is not None:
            if self._dial.done:
                self._adopt(now, self._dial)
        elif self._open_since is not None and self.client.socket() is None:
            self._close(now)
        elif self._open_since is None and now >= self._retry_at:
            self._dial = Dial(self._broker, self._wake)
        elif self._open_since is not None:
            self._look_after(now, reading)

    def dismiss(self, reason: str) -> None:
        """Close the connection without a word, and the one that is being opened."""
        self.client.drop(reason)
        if self._dial is not None:
            self._dial.abandon()

    def _adopt(self, now: float, dial: Dial) -> None:
        self._dial = None
        if dial.socket is None:
            self._later(now, f"cannot reach {self._broker}: {dial.error}")
            return
        self._open_since = now
        self.client.begin(dial.socket, self._broker.host, self._broker.port)

    def _look_after(self, now: float, reading: bool) -> None:
        reading = reading and self.leaving_since is None
        self.client.keep_alive(reading)
        oldest = self.client.oldest_owed()
        if not reading:
            return
        if not self.ready and now - (self._open_since or now) > HANDSHAKE_S:
            self.client.drop(f"the broker did not confirm connection and subscription within {HANDSHAKE_S:g} s")
        elif oldest is not None and now - oldest > WATCHDOG_S:
            self._counters.watchdog += 1
            self.client.drop(
                f"a message stayed unacknowledged for {now - oldest:.0f} s; the broker has to send it again"
            )
        elif self.lease.retiring and self.ready and oldest is None and self.client.silent_for() > QUIET_S:
            self.over = True

    def _close(self, now: float) -> None:
        proven = now - (self._open_since or now) > PROVEN_S
        if self._is_taken_over(proven):
            lost = self._tenure.taken_over(self.lease)
            self.client.trouble = TAKEN_OVER + (LEFT_ALONE if lost else ALIEN)
        if self.ready:
            self._last_connected = datetime.now(UTC)
        self._open_since, self.ready = None, False
        if proven:
            self._pause = FIRST_PAUSE_S
        self._later(now, f"connection to {self._broker} ended: {self.client.trouble}")

    def _is_taken_over(self, proven: bool) -> bool:
        """Tell whether somebody else seems to have the session now; the database is asked in any case.

        Mosquitto 2.0 does not say why it closes a connection. Without a lease, a first one may have been cut by the
        network, so it is opened again. If the session is somebody else's, that one comes back for it at once, and a
        second connection that is cut soon leaves no doubt.
        """
        self._tenure.ask()
        cut_off = self.client.cut_off and not self._tenure.is_leased()
        self._cuts = 0 if not cut_off else 1 if proven else self._cuts + 1
        return self.client.taken_over or self._cuts > 1

    def _later(self, now: float, reason: str) -> None:
        """Try again after a pause; report a reason only when it is a new one."""
        log.log(logging.WARNING if reason != self._reported else logging.DEBUG, "%s: %s", self.client_id, reason)
        self._reported = reason
        # Jitter keeps the slots of many bridges from coming back in step.
        self._retry_at = now + self._pause * random.uniform(0.5, 1.0)  # noqa: S311  (nothing to do with secrets)
        self._pause = min(2 * self._pause, LONGEST_PAUSE_S)

    # --- What paho calls -------------------------------------------------------------------------------------------

    def _connected(
        self, client: Client, userdata: Any, flags: ConnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if reason.is_failure:
            self.client.trouble = f"the broker refused it: {reason}"
            return
        self._counters.connections += 1
        if not flags.session_present and not self.lease.retiring:
            self._miss_session()
        self._last_connected = datetime.now(UTC)
        if self.lease.retiring:
            self.over = not flags.session_present  # there is nothing to empty
            client.unsubscribe([*self._filters.wanted, *self._filters.former])
            return
        if flags.session_present:
            # Sharing may have been switched since the session began; with both forms everything would come twice.
            client.unsubscribe(list(self._filters.former))
        # Also when the session is there: Mosquitto 2.0 keeps it through a restart without its shared subscriptions.
        client.subscribe([(pattern, SubscribeOptions(qos=1)) for pattern in self._filters.wanted])

    def _miss_session(self) -> None:
        """Say that the broker has lost the session, when there should have been one."""
        last = self._last_connected or self._tenure.connected_at(self.client_id)
        if lost := lost_session(self.client_id, last, datetime.now(UTC), SESSION_EXPIRY_S):
            log.error("%s", lost)

    def _subscribed(
        self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        granted = dict(zip(self._filters.wanted, reasons, strict=True))
        for pattern, reason in granted.items():
            if reason.is_failure:
                hint = ". One bridge with one slot can do without: MQTT_SHARED=false" * (reason.value == NO_SHARING)
                log.error("%s: the broker refuses the subscription to %s: %s%s", self.client_id, pattern, reason, hint)
            elif reason.value == 0:
                log.warning("%s: the broker grants only QoS 0 to %s, so messages may get lost", self.client_id, pattern)
        if all(reason.is_failure for reason in reasons):
            self.client.drop("the broker refuses every subscription")
            return
        self.ready, self._reported = True, ""
        log.info("%s: connected to %s", self.client_id, self._broker)

    def _unsubscribed(self, *args: Any) -> None:
        if self.lease.retiring:
            self.ready, self._reported = True, ""
            log.info("%s: fewer slots are wanted; it is emptied and ended", self.client_id)

    def _disconnected(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self.client.trouble = self.client.trouble or str(reason)
