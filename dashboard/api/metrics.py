"""Figures for Prometheus. So far of the language model: its calls leave the machine and may cost money."""

from __future__ import annotations

from collections.abc import Iterator

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from dashboard.api.base import ApiView
from insights.language import counting

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(ApiView):
    """Give the figures."""

    @extend_schema(responses={(200, "text/plain"): OpenApiTypes.STR}, operation_id="metrics")
    def get(self, request: Request) -> HttpResponse:
        """Give figures in the text format of Prometheus."""
        return HttpResponse("\n".join([*_lines(counting.figures()), ""]), content_type=CONTENT_TYPE)


def _lines(found: dict[str, int]) -> Iterator[str]:
    for name, words, outcomes in (
        ("calls", "Calls of the language model's server", counting.CALLS),
        ("answers", "Answers that the language model was asked for", counting.ANSWERS),
    ):
        yield f"# HELP dataflow_language_model_{name}_total {words}, by outcome."
        yield f"# TYPE dataflow_language_model_{name}_total counter"
        for outcome in outcomes:
            yield f'dataflow_language_model_{name}_total{{outcome="{outcome}"}} {found[f"{name}:{outcome}"]}'
    for name, words, value in (
        ("seconds", "Seconds that calls took", found["milliseconds"] / 1_000),
        ("tokens", "Tokens that the server has counted", found["tokens"]),
    ):
        yield f"# HELP dataflow_language_model_{name}_total {words}."
        yield f"# TYPE dataflow_language_model_{name}_total counter"
        yield f"dataflow_language_model_{name}_total {value}"
