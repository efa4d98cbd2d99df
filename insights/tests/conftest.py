"""What the tests of this room share: those that store readings leave no tables behind."""

from __future__ import annotations

from validation.tests.conftest import _no_telemetry_is_left, worker

__all__ = ["_no_telemetry_is_left", "worker"]
