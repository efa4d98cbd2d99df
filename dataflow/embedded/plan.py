"""Which services to start: each only where the environment does not name it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from dataflow.embedded.broker import Broker, Session
from dataflow.embedded.ports import Ports
from dataflow.embedded.postgres import Postgres
from dataflow.embedded.private import kept_secret
from dataflow.embedded.program import Service
from dataflow.embedded.valkey import Valkey

POSTGRES_PORT, VALKEY_PORT, MQTT311_PORT, MQTT5_PORT = 5432, 6379, 1883, 1884
BUFFERS = 2


@dataclass(frozen=True)
class Plan:
    """The services to start, and the settings that lead clients to them."""

    services: tuple[Service, ...]
    settings: Mapping[str, str]


def plan_services(
    data_dir: Path,
    is_named: Callable[[str], bool],
    ports: Ports,
    last: Mapping[str, str] | None = None,
    sessions: Sequence[Session] = (),
) -> Plan:
    """Plan what to start.

    `is_named` tells whether a setting has a value already; `last` holds the settings of the last run, whose ports
    are taken again where they are free; `sessions` are subscribed at an embedded broker before anybody else comes.
    Creates passwords under `data_dir`; starts nothing.
    """
    services: list[Service] = []
    settings: dict[str, str] = {}
    known = last or {}
    if not is_named("SECRET_KEY"):
        settings["SECRET_KEY"] = kept_secret(data_dir, "django", length=32)
    if not is_named("DATABASE_URL"):
        postgres = Postgres(data_dir, ports.take(POSTGRES_PORT, port_of(known.get("DATABASE_URL"))))
        services.append(postgres)
        settings["DATABASE_URL"] = postgres.url
    if not is_named("REDIS_URL"):
        queue = Valkey("valkey", data_dir, ports.take(VALKEY_PORT, port_of(known.get("REDIS_URL"))))
        services.append(queue)
        settings["REDIS_URL"] = queue.url
    if not is_named("BUFFER_URLS"):
        buffers = _buffers(data_dir, ports, known.get("BUFFER_URLS", "").split(","))
        services += buffers
        settings["BUFFER_URLS"] = ",".join(buffer.url for buffer in buffers)
    if not is_named("MQTT_URL"):
        port311 = ports.take(MQTT311_PORT, port_of(known.get("MQTT311_URL")))
        port5 = ports.take(MQTT5_PORT, port_of(known.get("MQTT_URL")))
        broker = Broker(data_dir, port311, port5, sessions)
        services.append(broker)
        settings |= {"MQTT_URL": broker.url, "MQTT311_URL": broker.url311, "MQTT_SHARED": "false"}
    return Plan(tuple(services), settings)


def port_of(url: str | None) -> int | None:
    """Return the port a URL names, if it names one."""
    try:
        return urlsplit(url).port if url else None
    except ValueError:
        return None


def _buffers(data_dir: Path, ports: Ports, last: list[str]) -> list[Valkey]:
    last += [""] * BUFFERS
    return [
        Valkey(f"buffer-{number}", data_dir, ports.take(VALKEY_PORT + number, port_of(last[number - 1])))
        for number in range(1, BUFFERS + 1)
    ]
