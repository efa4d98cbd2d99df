"""The services that people named themselves: asked once before anything is started."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import urlsplit

from dataflow.embedded.probes import Unreachable, probe_database, probe_mqtt, probe_redis
from dataflow.lib.env import Environment

PROBES: dict[str, Callable[[str], None]] = {
    "DATABASE_URL": probe_database,
    "REDIS_URL": probe_redis,
    "BUFFER_URLS": probe_redis,
    "MQTT_URL": partial(probe_mqtt, version5=True),
}


def check_given(given: Environment) -> None:
    """Raise Unreachable, with all that is wrong, unless every service that has a URL answers. Blocks for seconds."""
    if faults := list(_faults(given)):
        raise Unreachable("\n".join(faults))


def masked(url: str) -> str:
    """Return a URL without its password."""
    parts = urlsplit(url)
    if not parts.password:
        return url
    return parts._replace(netloc=f"{parts.username or ''}:***@{parts.netloc.rpartition('@')[2]}").geturl()


def _faults(given: Environment) -> Iterator[str]:
    for name, probe in PROBES.items():
        for url in (given.find(name) or "").split(","):
            try:
                if url.strip():
                    probe(url.strip())
            except Unreachable as error:
                yield f"{name} names {masked(url.strip())}, which does not answer: {error}"
