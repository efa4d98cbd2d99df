"""Which permissions reading takes, for people, programs and agents alike. Pure."""

from __future__ import annotations

VIEW_READINGS = ("ingest.view_device", "validation.view_datamodel")
