"""Tell which charts of this site show a field, for whoever is about to take that field away."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlencode

from django.urls import reverse

from validation.selectors import model_specs
from validation.uses import Use

CHARTED = ("number", "integer", "boolean")  # kinds that the live page draws


def charts(model: str, fields: frozenset[str]) -> Iterator[Use]:
    """Yield the chart of each field that the live page shows for a model. Blocks for a query."""
    spec = model_specs().get(model)
    for field in spec.fields if spec else ():
        if field.name in fields and field.kind in CHARTED:
            address = f"{reverse('live')}?{urlencode({'model': model, 'field': field.name})}"
            yield Use("chart", f"Live dashboard: {field.label or field.name}", address, field.name)
