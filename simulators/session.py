"""Keep a device connected: connect, say online, come back after a loss, say offline and leave."""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from simulators.backoff import Backoff
from simulators.broker import Broker
from simulators.complaints import Complaints
from simulators.connection import Answer, Connection

ONLINE, OFFLINE = b"online", b"offline"
CLIENT_ID = "device-{device}"
STATUS_TOPIC = "status/{device}"
STABLE_S = 10.0  # a connection that lasted this long ends a row of failures
SILENCE_S = 30.0  # a broker that leaves a publish unanswered for this long is left and called again


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all devices of one process share."""

    broker: Broker
    loop: asyncio.AbstractEventLoop
    connectors: Executor  # threads that wait for TCP and TLS handshakes, so that the loop never does
    tls: ssl.SSLContext | None
    complaints: Complaints


class Listener(Protocol):
    """Who uses the session: it is told when it can publish, and what became of that."""

    def session_began(self, receive_maximum: int) -> None:
        """A connection is ready, and its broker takes this many unacknowledged publishes."""

    def session_answered(self, answers: list[Answer]) -> None:
        """PUBACKs came."""

    def session_interrupted(self) -> None:
        """The connection is gone; everything under way on it is unanswered for ever."""


class Session:
    """One device's way to the broker, over one connection after the other."""

    def __init__(self, device: str, surroundings: Surroundings, listener: Listener) -> None:
        self._device = device
        self._around = surroundings
        self._listener = listener
        self._client_id = CLIENT_ID.format(device=device)
        self._status_topic = STATUS_TOPIC.format(device=device)
        self._backoff = Backoff()
        self._connection: Connection | None = None
        self._online_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._opening = False  # a connector is at work
        self._farewell: int | None = None
        self._status: int | None = None
        self._receive_maximum = 1
        self._leaving = False

    @property
    def online(self) -> bool:
        """Whether the broker has accepted the device and the connection stands."""
        return self._online_since is not None

    @property
    def over(self) -> bool:
        """Whether the session has been left and nothing of it is open any more."""
        return self._leaving and self._connection is None and not self._opening

    def start(self, delay: float) -> None:
        """Connect after `delay` seconds, and from then on whenever the connection is lost."""
        self._timer = self._around.loop.call_later(delay, self._connect)

    def publish(self, topic: str, payload: bytes) -> int | None:
        """Publish with QoS 1; return the packet's number, or None while there is no connection."""
        return self._connection.publish(topic, payload) if self._connection else None

    def check(self, unanswered: float) -> None:
        """Keep alive; `unanswered` is the age in seconds of the oldest publish without a PUBACK."""
        if self._connection is None:
            return
        if self._status is not None and self._online_since is not None:
            unanswered = self._around.loop.time() - self._online_since
        if unanswered > SILENCE_S:
            self._connection.drop(f"no PUBACK for {SILENCE_S:.0f} s")
        else:
            self._connection.check()

    def leave(self) -> None:
        """Say offline and disconnect once the broker has that; without a connection just stop trying."""
        self._leaving = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is None:
            return
        if self.online:
            self._farewell = self._connection.publish(self._status_topic, OFFLINE, retain=True)
        if self._farewell is None:
            self._connection.drop("left before the broker answered")

    def cut(self) -> None:
        """Close the socket at once and stop trying; the broker publishes the last will."""
        self._leaving = True
        if self._timer is not None:
            self._timer.cancel()
        if self._connection is not None:
            self._connection.drop("cut")

    def connected(self, connection: Connection, receive_maximum: int) -> None:
        """Take the broker's welcome."""
        self._online_since = self._around.loop.time()
        self._receive_maximum = receive_maximum
        self._status = connection.publish(self._status_topic, ONLINE, retain=True)

    def answered(self, connection: Connection, answers: list[Answer]) -> None:
        """Take PUBACKs; what is not about the device's own status goes to the listener."""
        for number, refusal, unheard in answers:
            is_reading = number not in (self._status, self._farewell)
            if refusal is not None:
                what = "a reading" if is_reading else "its status"
                self._complain(refusal, f"the broker refuses {what}: {refusal}")
            elif unheard and is_reading:
                self._complain("unheard", "nobody subscribes to its readings at the broker; they wait here")
        if self._is_among(self._status, answers):
            # Readings wait for this, lest a broker that takes one publish at a time is given two.
            self._status = None
            self._listener.session_began(self._receive_maximum)
        self._listener.session_answered(answers)
        if self._is_among(self._farewell, answers):
            connection.disconnect()

    def lost(self, why: str) -> None:
        """Take the end of the connection, and come back later unless the device is leaving."""
        lasted = 0.0 if self._online_since is None else self._around.loop.time() - self._online_since
        self._connection, self._online_since = None, None
        self._listener.session_interrupted()
        if lasted >= STABLE_S:
            self._backoff.reset()
        if not self._leaving:
            self._try_later(f"lost {self._around.broker}: {why}")

    def _is_among(self, number: int | None, answers: list[Answer]) -> bool:
        return number is not None and any(answer.number == number for answer in answers)

    def _connect(self) -> None:
        will = (self._status_topic, OFFLINE)
        around = self._around
        connection = Connection(around.broker, self._client_id, will, around.tls, around.loop, self)
        self._opening = True
        around.connectors.submit(connection.open).add_done_callback(partial(self._hand_back, connection))

    def _hand_back(self, connection: Connection, opening: Future[None]) -> None:
        """Return from the connector's thread to the event loop, if that has not ended meanwhile."""
        if not self._around.loop.is_closed():
            self._around.loop.call_soon_threadsafe(self._opened, connection, opening)

    def _opened(self, connection: Connection, opening: Future[None]) -> None:
        self._opening = False
        if self._leaving:
            connection.discard()
        elif error := opening.exception():
            self._try_later(f"cannot connect to {self._around.broker}: {error}")
        else:
            self._connection = connection
            connection.attach()

    def _try_later(self, why: str) -> None:
        delay = self._backoff.next()
        self._complain(why, f"{why}; next try in {delay:.1f} s")
        self._timer = self._around.loop.call_later(delay, self._connect)

    def _complain(self, kind: str, message: str) -> None:
        self._around.complaints.complain(kind, f"{self._device}: {message}")
