"""The links of a stack: one from each kind of process to each server, and how the processes are led over them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.chaos.proxy import Network
from tests.chaos.wire import Address

KINDS = ("bridge", "worker", "scheduler", "site")


def address_of(url: str) -> Address:
    """Return host and port of a server."""
    parts = urlsplit(url)
    assert parts.hostname
    assert parts.port
    return parts.hostname, parts.port


def link_to(network: Network, name: str, url: str) -> Address:
    """Make a link to a server and return where it listens."""
    host, port = address_of(url)
    return host, network.link(name, host, port).port


def lead_over_links(network: Network, settings: Mapping[str, str], folder: Path) -> None:
    """Make the links of all kinds of processes, and leave in a folder what `controls/sitecustomize.py` needs."""
    links = {kind: _settings_by_links(network, settings, kind) for kind in KINDS}
    (folder / "links.json").write_text(json.dumps(links))
    # A buffer has one address for everybody, because the ring knows its members by it. Who dials it is led aside.
    detours = {kind: _detours(network, settings, kind) for kind in KINDS}
    (folder / "detours.json").write_text(json.dumps(detours))


def _settings_by_links(network: Network, settings: Mapping[str, str], kind: str) -> dict[str, str]:
    servers = {"DATABASE_URL": "postgres", "REDIS_URL": "queue", "MQTT_URL": "broker"}
    return {name: _by_link(network, f"{kind}-{server}", settings[name]) for name, server in servers.items()}


def _detours(network: Network, settings: Mapping[str, str], kind: str) -> dict[int, int]:
    """Return the ports of the buffers and those of the links that lead a kind of process there."""
    urls = enumerate(settings["BUFFER_URLS"].split(","), start=1)
    return {address_of(url)[1]: link_to(network, f"{kind}-buffer-{number}", url)[1] for number, url in urls}


def _by_link(network: Network, name: str, url: str) -> str:
    parts = urlsplit(url)
    user, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{link_to(network, name, url)[1]}"))
