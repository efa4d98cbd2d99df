"""Whether a service answers, asked as its clients would ask. Each probe blocks for `timeout` seconds at most."""

from __future__ import annotations

import ssl
import time
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit

import psycopg
import redis
from paho.mqtt.client import Client, ConnectFlags, MQTTv5, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

TIMEOUT_S = 3.0


class Unreachable(Exception):
    """A service does not answer, or not as it should; the message says why, without passwords."""


def probe_database(url: str, timeout: float = TIMEOUT_S) -> None:
    """Raise Unreachable unless PostgreSQL answers a query."""
    try:
        with psycopg.connect(url, connect_timeout=max(2, int(timeout)), autocommit=True) as connection:
            connection.execute("SELECT 1")
    except psycopg.Error as error:
        raise Unreachable(str(error).strip()) from error


def probe_redis(url: str, timeout: float = TIMEOUT_S) -> None:
    """Raise Unreachable unless a Redis or Valkey server answers a ping."""
    client = redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        raise Unreachable(str(error)) from error
    finally:
        client.close()


def probe_mqtt(url: str, *, version5: bool, timeout: float = TIMEOUT_S) -> None:
    """Raise Unreachable unless a broker accepts a connection."""
    parts = urlsplit(url)
    answers: list[ReasonCode] = []

    def note(_c: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        answers.append(reason)

    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5 if version5 else MQTTv311)
    client.on_connect = note
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    if parts.scheme == "mqtts":
        client.tls_set_context(ssl.create_default_context())
    client.connect_timeout = timeout
    try:
        client.connect(parts.hostname or "", parts.port or (8883 if parts.scheme == "mqtts" else 1883))
        deadline = time.monotonic() + timeout
        while not answers and time.monotonic() < deadline:
            client.loop(0.1)
        client.disconnect()
    except (OSError, ValueError) as error:
        raise Unreachable(str(error)) from error
    if not answers:
        raise Unreachable("no answer to CONNECT")
    if answers[0].is_failure:
        raise Unreachable(f"refused: {answers[0]}")


def probe_site(url: str, timeout: float = TIMEOUT_S) -> None:
    """Raise Unreachable unless the site answers on /healthz."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/healthz", timeout=timeout) as response:  # noqa: S310
            response.read()
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise Unreachable(str(error)) from error
