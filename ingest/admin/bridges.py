"""The page of the bridges: who holds which session at the broker since when, who leads, and what is wrong."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ingest.admin.watched import WatchedAdmin
from ingest.bridges import START_ONE, overview
from ingest.models import BridgeProcess


@admin.register(BridgeProcess)
class BridgeAdmin(WatchedAdmin):
    """Bridges: they enter themselves when they start, and the leader forgets the dead ones."""

    title, folder = "Bridges", "admin/ingest/bridgeprocess"

    def state(self, request: HttpRequest) -> dict[str, Any]:
        """Return the bridges, the slots that none of them holds, and how to start one."""
        return {"found": overview(), "start_one": START_ONE}
