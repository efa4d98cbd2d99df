"""Models in and out: JSON Schema, bundles with the history, templates; see docs/exchange.md."""

from __future__ import annotations

from validation.exchange.bundles import adopt, bundle, load_bundle
from validation.exchange.schemas import Read, from_schema, read_schema, to_schema
from validation.exchange.templates import Template, templates

__all__ = ["Read", "Template", "adopt", "bundle", "from_schema", "load_bundle", "read_schema", "templates", "to_schema"]
