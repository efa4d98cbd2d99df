"""Acknowledge to the broker what is not in a buffer yet."""

from __future__ import annotations

from types import ModuleType
from typing import Any

TARGET = "ingest.bridge.delivery"


def change(module: ModuleType) -> None:
    """Send a batch's acknowledgements before it is brought in, and not afterwards."""
    delivery: Any = module.Delivery
    bring = delivery.bring

    def bring_late(self: Any, sealed: Any) -> None:
        for acks in sealed.acks:
            self._settle(acks)
        sealed.acks.clear()
        bring(self, sealed)

    delivery.bring = bring_late
