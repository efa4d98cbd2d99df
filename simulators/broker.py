"""Where the broker is: the parts of an `mqtt://` or `mqtts://` URL."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerUrlError(ValueError):
    """The broker's URL cannot be used; the message says why and never holds the password."""


@dataclass(frozen=True, slots=True)
class Broker:
    """One broker. `str()` gives its URL without user and password, fit for a log."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'mqtts' if self.tls else 'mqtt'}://{host}:{self.port}"


def parse_broker_url(url: str) -> Broker:
    """Read `mqtt://user:password@host:1883`; `mqtts://` means TLS with a verified certificate and host name.

    User and password may be percent-encoded. Raises BrokerUrlError.
    """
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS:
        raise BrokerUrlError(f"the broker's URL must start with mqtt:// or mqtts://, not {parts.scheme or 'nothing'}")
    if not parts.hostname:
        raise BrokerUrlError("the broker's URL names no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BrokerUrlError("the broker's URL must end after the port")
    try:
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except ValueError as error:
        raise BrokerUrlError(f"the broker's port is wrong: {error}") from error
    if parts.password is not None and not parts.username:
        raise BrokerUrlError("the broker's URL has a password but no user")
    return Broker(
        host=parts.hostname,
        port=port,
        tls=parts.scheme == "mqtts",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password is not None else None,
    )
