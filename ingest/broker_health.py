"""Watch whether the broker in use loses messages, and say so: what it drops, its devices believe to have arrived.

A broker acknowledges a message to its device and puts it into the bridge's queue there. When that queue is full it
drops messages, and says so only in its own counters (`$SYS`). They are read here over a connection of their own, with
nothing kept at the broker, so that they never get among the readings:

    Mosquitto   $SYS/broker/publish/messages/dropped
    EMQX        $SYS/brokers/<node>/metrics/delivery/dropped/queue_full, and …/too_large

Mosquitto's counter covers all clients, so a device that is away for long and misses commands counts as well. The
embedded broker has no such counters, and ends the connection of whoever asks for them: there nothing is watched.
"""

from __future__ import annotations

import logging
import secrets
import ssl
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from paho.mqtt.client import MQTT_ERR_SUCCESS, Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from ingest.broker import Broker

log = logging.getLogger(__name__)

COUNTERS = (
    "$SYS/broker/publish/messages/dropped",
    "$SYS/brokers/+/metrics/delivery/dropped/queue_full",
    "$SYS/brokers/+/metrics/delivery/dropped/too_large",
)
KEEPALIVE_S = 30
CONNECT_TIMEOUT_S = 3.0
LOOP_S = 0.5  # how long one look at the socket waits, and so how long `stop` takes
FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 30.0  # before the next attempt to connect, doubled at each failure in a row
SAY_EVERY_S = 10.0  # at most, while a broker goes on dropping
SILENT_S = 90.0  # without any counter after so long, the broker has none that are known; EMQX sends them every minute
REFUSALS = 2  # connections that ended at the subscription, after which the broker is left alone


class BrokerHealth(NamedTuple):
    """What is known: messages dropped since the broker started and since the watch began; None when it does not say."""

    dropped: int | None
    dropped_since: int
    heard_at: float | None  # seconds since 1970
    trouble: str  # why nothing is known, empty when the counters come

    @property
    def lost(self) -> int | None:
        """Return how many messages were dropped since the watch began; None when the broker does not say."""
        return None if self.dropped is None else self.dropped_since


Say = Callable[[int, str], None]
"""Take a level of the module `logging`, and a sentence."""


def _log(level: int, sentence: str) -> None:
    log.log(level, "%s", sentence)


def watch(url: str, say: Say = _log) -> BrokerWatch:
    """Start watching the broker at an address from a thread of its own, and return the watch.

    `say` is called on that thread: with WARNING when the broker has dropped something before, with ERROR each time
    that it drops more, with INFO when it cannot be known. Returns at once. Raises ValueError when it is no address.
    """
    found = BrokerWatch(Broker.of_url(url), say)
    found.start()
    return found


class BrokerWatch:
    """One broker under watch. `health` and `stop` may be called from any thread."""

    def __init__(self, broker: Broker, say: Say = _log) -> None:
        self._broker, self._say = broker, say
        self._counts: dict[str, int] = {}  # by topic, as last heard
        self._before: dict[str, int] = {}  # as heard first, or since the broker was started anew
        self._unsaid: dict[str, int] = {}  # dropped and not told yet, by reason
        self._heard_at: float | None = None
        self._trouble = "no answer yet"
        self._refusals = 0
        self._subscribed: ReasonCode | None = None
        self._say_at = 0.0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker watch", daemon=True)

    @property
    def health(self) -> BrokerHealth:
        """Return what is known of the broker now."""
        counts = dict(self._counts)
        since = sum(count - self._before.get(topic, count) for topic, count in counts.items())
        return BrokerHealth(sum(counts.values()) if counts else None, since, self._heard_at, self._trouble)

    def start(self) -> None:
        """Start the thread. It ends with the process."""
        self._thread.start()

    def stop(self, timeout_s: float = 2.0) -> None:
        """End the watch and wait for its thread, no longer than `timeout_s`."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    # --- The thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping.is_set() and self._refusals < REFUSALS:
            try:
                if self._talk():
                    pause = FIRST_PAUSE_S
            except OSError as error:
                self._trouble = f"cannot reach {self._broker}: {error}"
            self._stopping.wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)
        if self._refusals >= REFUSALS:
            self._trouble = "it ends the connection of whoever asks for its counters"
            self._say(logging.INFO, f"Whether {self._broker} drops messages cannot be watched: {self._trouble}.")

    def _talk(self) -> bool:
        """Keep one connection for as long as it lasts; say whether the broker answered to the subscription."""
        client = self._client()
        self._subscribed, deadline = None, time.monotonic() + SILENT_S
        client.connect(self._broker.host, self._broker.port, KEEPALIVE_S, clean_start=True)
        try:
            while not self._stopping.is_set() and client.loop(LOOP_S) == MQTT_ERR_SUCCESS:
                self._tell()
                if deadline and not self._counts and time.monotonic() > deadline:
                    deadline, self._trouble = 0.0, "it publishes no counters that are known here"
                    self._say(
                        logging.INFO, f"Whether {self._broker} drops messages cannot be watched: {self._trouble}."
                    )
        finally:
            client.disconnect()
        if self._stopping.is_set():
            return True
        asked = self._subscribed is not None
        self._refusals = 0 if asked or not client.asked else self._refusals + 1
        return asked

    def _client(self) -> _Asker:
        client = _Asker(f"dataflow-watch-{secrets.token_hex(4)}")
        client.connect_timeout = CONNECT_TIMEOUT_S
        if self._broker.username is not None:
            client.username_pw_set(self._broker.username, self._broker.password)
        if self._broker.tls:
            client.tls_set_context(ssl.create_default_context())
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        return client

    def _on_subscribe(self, _c: Client, _data: Any, _mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        self._subscribed = reasons[0]
        if all(reason.is_failure for reason in reasons):
            self._trouble = f"this account may not read $SYS ({reasons[0]})"
            self._say(logging.INFO, f"Whether {self._broker} drops messages cannot be watched: {self._trouble}.")

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        if message.payload.isdigit():
            self._note(message.topic, int(message.payload))

    def _note(self, topic: str, count: int) -> None:
        """Take a counter in: what it had before the watch is past, what it gains is news."""
        self._heard_at, self._trouble = time.time(), ""
        known = self._counts.get(topic)
        self._counts[topic] = count
        if known is None:
            self._before[topic] = count
            if count:
                self._say(
                    logging.WARNING,
                    f"The broker {self._broker} has dropped {count:,} messages since its start: {reason_of(topic)}. "
                    "Devices believe that they arrived. See `manage.py broker_config --help`.",
                )
        elif count < known:
            # The broker was started anew and counts from 0.
            self._before[topic] = self._before[topic] - known
            self._gain(topic, count)
        else:
            self._gain(topic, count - known)

    def _gain(self, topic: str, count: int) -> None:
        if count:
            reason = reason_of(topic)
            self._unsaid[reason] = self._unsaid.get(reason, 0) + count

    def _tell(self) -> None:
        now = time.monotonic()
        if not self._unsaid or now < self._say_at:
            return
        self._say_at = now + SAY_EVERY_S
        for reason, count in self._unsaid.items():
            self._say(
                logging.ERROR,
                f"The broker {self._broker} is dropping messages: {count:,} more, because {reason}. Devices believe "
                "that they arrived. It needs a longer queue: see `manage.py broker_config --help`.",
            )
        self._unsaid.clear()


class _Asker(Client):
    """A client that subscribes to the counters as soon as it is connected, and remembers that it did."""

    def __init__(self, client_id: str) -> None:
        super().__init__(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv5, reconnect_on_failure=False)
        self.asked = False
        self.on_connect = self._ask

    def _ask(self, _client: Client, _data: Any, _flags: Any, reason: ReasonCode, _properties: Any) -> None:
        if not reason.is_failure:
            self.asked = True
            self.subscribe([(topic, 0) for topic in COUNTERS])


def reason_of(topic: str) -> str:
    """Return why the messages of a counter were dropped."""
    return "they were too large for a client" if topic.endswith("/too_large") else "a queue was full"


def lost_session(client_id: str, last_connected: datetime | None, now: datetime, kept_s: float) -> str | None:
    """Return in words that a session was lost, given that the broker has none (`session_present` is false); else None.

    `last_connected` is when this session was last connected, by whichever process; None: never. A broker that was told
    to keep a session for `kept_s` seconds may forget it after that. Pure.
    """
    if last_connected is None:
        return None
    away = now - last_connected
    if away > timedelta(seconds=kept_s):
        return (
            f"{client_id}: the broker has given up the session, because nobody used it for {away.days} days. What "
            "devices sent since has gone with it."
        )
    return (
        f"{client_id}: the broker has lost the session of {last_connected:%Y-%m-%d %H:%M:%S}, and with it what it had "
        "queued since. Is its persistence on, and is it the same broker?"
    )
