"""Tell which charts of this site show a field, for whoever is about to take that field away."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qs, urlencode

from django.urls import reverse

from dashboard.models import SavedView
from validation.selectors import model_specs
from validation.uses import Use

CHARTED = ("number", "integer", "boolean")  # kinds that the live page draws


def charts(model: str, fields: frozenset[str]) -> Iterator[Use]:
    """Yield the chart of each field that the live page shows for a model, and the saved views. Blocks for queries."""
    spec = model_specs().get(model)
    for field in spec.fields if spec else ():
        if field.name in fields and field.kind in CHARTED:
            address = f"{reverse('live')}?{urlencode({'model': model, 'field': field.name})}"
            yield Use("chart", f"Live dashboard: {field.label or field.name}", address, field.name)
    yield from _views(model, fields)


def _views(model: str, fields: frozenset[str]) -> Iterator[Use]:
    """Yield the saved views that show a field. What their owners keep for themselves is not told by name."""
    for view in SavedView.objects.filter(query__contains=model).select_related("owner").order_by("-shared", "pk"):
        name = f"Saved view: {view.name}" if view.shared else f"A view that {view.owner} keeps"
        address = f"{reverse('explore')}?{view.query}" if view.shared else reverse("explore")
        for shown in parse_qs(view.query).get("field", ()):
            shown_model, _, field = shown.partition(".")
            if shown_model == model and field in fields:
                yield Use("view", name, address, field)
