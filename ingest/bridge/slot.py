"""A slot: one persistent session at the broker, and the connections it has one after another."""

from __future__ import annotations

import logging
import random
import selectors
import socket
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from ingest.bridge.client import BridgeClient
from ingest.bridge.counters import Counters
from ingest.bridge.pending import Pending
from ingest.broker import Broker, Dial

log = logging.getLogger(__name__)

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0  # before the next attempt to connect, doubled at each failure in a row
PROVEN_S = 10.0  # a connection that lasted so long was a good one; the next failure is the first again
HANDSHAKE_S = 10.0  # for CONNACK and SUBACK to arrive
# No message may stay unacknowledged for longer while buffers take batches: it would hold a place in the receive window
# for ever, because brokers send again only after a reconnect.
WATCHDOG_S = 30.0
SHARED = "$share/dataflow/"  # all slots of all bridges share one subscription; each message goes to one of them
NO_SHARING = 0x9E  # the reason code of a broker without shared subscriptions


class Slot:
    """Keep one session connected and subscribed. Not thread-safe; `wake` is called from another thread."""

    def __init__(
        self,
        client_id: str,
        broker: Broker,
        filters: Sequence[str],
        pending: Pending,
        counters: Counters,
        wake: Callable[[], None],
        before_close: Callable[[socket.socket], None],
    ) -> None:
        self.client_id = client_id
        self.client = BridgeClient(client_id, pending, counters, before_close)
        self.client.username_pw_set(broker.username, broker.password)
        self.client.on_connect = self._connected
        self.client.on_subscribe = self._subscribed
        self.client.on_disconnect = self._disconnected
        self.ready = False  # subscribed, so that messages come
        self.watched = 0  # what the selector waits for on its socket; kept by the loop
        self._broker, self._filters, self._counters, self._wake = broker, list(filters), counters, wake
        self._former = [other_form(pattern) for pattern in filters]
        self._dial: Dial | None = None
        self._open_since: float | None = None
        self._retry_at, self._pause = 0.0, FIRST_PAUSE_S
        self._had_session = False
        self._reported = ""

    def interest(self, reading: bool) -> int:
        """Return what to wait for on the socket, as a mask of the module `selectors`."""
        wanted = selectors.EVENT_READ if reading else 0
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

    def _adopt(self, now: float, dial: Dial) -> None:
        self._dial = None
        if dial.socket is None:
            self._later(now, f"cannot reach {self._broker}: {dial.error}")
            return
        self._open_since = now
        self.client.begin(dial.socket, self._broker.host, self._broker.port)

    def _look_after(self, now: float, reading: bool) -> None:
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

    def _close(self, now: float) -> None:
        proven = now - (self._open_since or now) > PROVEN_S
        self._open_since, self.ready = None, False
        if proven:
            self._pause = FIRST_PAUSE_S
        self._later(now, f"connection to {self._broker} ended: {self.client.trouble}")

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
        if self._had_session and not flags.session_present:
            log.warning(
                "%s: the broker has lost the session, and with it what it had queued since the last connection",
                self.client_id,
            )
        self._had_session = True
        if flags.session_present:
            # Sharing may have been switched since the session began; with both forms everything would come twice.
            client.unsubscribe(self._former)
        client.subscribe([(pattern, SubscribeOptions(qos=1)) for pattern in self._filters])

    def _subscribed(
        self, client: Client, userdata: Any, mid: int, reasons: list[ReasonCode], properties: Properties | None
    ) -> None:
        granted = dict(zip(self._filters, reasons, strict=True))
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

    def _disconnected(
        self,
        client: Client,
        userdata: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        self.client.trouble = self.client.trouble or str(reason)


def other_form(pattern: str) -> str:
    """Return the shared form of a plain filter, and the plain form of a shared one."""
    return pattern.removeprefix(SHARED) if pattern.startswith(SHARED) else SHARED + pattern
