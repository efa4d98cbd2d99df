"""Open a socket to the broker without making anybody wait for it."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

CONNECT_TIMEOUT_S = 3.0  # for each of the broker's addresses, and for the TLS handshake


class Broker(NamedTuple):
    """Where the broker is and how to log in."""

    host: str
    port: int
    tls: bool
    username: str | None
    password: str | None

    @classmethod
    def of_url(cls, url: str) -> Broker:
        """Read `mqtt://user:password@host:port`, or `mqtts://…` for TLS; raise ValueError when it is something else."""
        parts = urlsplit(url)
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname:
            raise ValueError("the broker's address must look like mqtt://host:port or mqtts://host:port")
        tls = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        return cls(
            parts.hostname,
            parts.port or (8883 if tls else 1883),
            tls,
            user,
            unquote(parts.password) if parts.password else None,
        )

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


class Dial:
    """One attempt to reach the broker, on a thread of its own, because looking up a name can block for long."""

    def __init__(self, broker: Broker, when_done: Callable[[], None]) -> None:
        """Begin. `when_done` is called on the other thread once `done` is true."""
        self.socket: socket.socket | None = None
        self.error: Exception | None = None
        self.done = False
        self._broker, self._when_done = broker, when_done
        self._abandoned = False
        threading.Thread(target=self._run, name="dial", daemon=True).start()

    def abandon(self) -> None:
        """Close the socket, now or when it is open: nobody wants it any more."""
        self._abandoned = True
        if self.socket is not None:
            self.socket.close()

    def _run(self) -> None:
        try:
            self.socket = open_socket(self._broker)
        except Exception as error:  # noqa: BLE001  (reported by whoever asked)
            self.error = error
        self.done = True
        if self._abandoned and self.socket is not None:
            self.socket.close()
        self._when_done()


def open_socket(broker: Broker) -> socket.socket:
    """Return a connected socket, encrypted and with the host's certificate checked when the broker wants TLS.

    Blocks for `CONNECT_TIMEOUT_S` per step, and for as long as the name server takes. Raises OSError.
    """
    sock = socket.create_connection((broker.host, broker.port), timeout=CONNECT_TIMEOUT_S)
    try:
        # Acknowledgements are small and must not wait for one another.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if broker.tls:
            sock = ssl.create_default_context().wrap_socket(sock, server_hostname=broker.host)
    except BaseException:
        sock.close()
        raise
    return sock
