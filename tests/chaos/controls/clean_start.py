"""Connect to the broker as paho does by default: each process begins a new session."""

from __future__ import annotations

from types import ModuleType
from typing import Any

TARGET = "ingest.bridge.client"


def change(module: ModuleType) -> None:
    """Leave out what the bridge says about its session when it connects."""
    client: Any = module.BridgeClient
    connect = client.connect_async

    def connect_by_default(self: Any, *arguments: Any, **named: Any) -> Any:
        named.pop("clean_start", None)
        return connect(self, *arguments, **named)

    client.connect_async = connect_by_default
