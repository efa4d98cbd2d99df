"""The admin of this room: devices, and the bridges to look at."""

from __future__ import annotations

from ingest.admin.bridges import BridgeAdmin
from ingest.admin.devices import DeviceAdmin

__all__ = ["BridgeAdmin", "DeviceAdmin"]
