"""What comes, and what goes together."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1.base import Needs, V1View
from dashboard.api.v1.bodies import query_of
from dashboard.api.v1.series import VIEW_READINGS
from dashboard.serializers.forecasts import CorrelationAnswer, CorrelationQuery, ForecastAnswer, ForecastQuery
from insights.correlation.lagged import Correlation
from insights.correlation.service import correlation
from insights.forecasting.forecast import NOMINAL
from insights.forecasting.service import Outlook, outlook
from validation.history import Unanswerable

DEFAULT_HORIZON = timedelta(hours=3)
DEFAULT_SPAN = timedelta(hours=24)


class ForecastOfField(V1View):
    """What comes of a field of a device."""

    needs: Needs = {"GET": VIEW_READINGS}

    @extend_schema(parameters=[ForecastQuery], responses=ForecastAnswer, operation_id="get_forecast")
    def get(self, request: Request) -> Response:
        """Forecast a field of a device, with an interval that holds nine of ten, and say when a limit is reached.

        `back_test` says how often intervals that were made in the same way before have held what came.
        """
        query = query_of(request, ForecastQuery)
        side = query.get("side")
        try:
            found = outlook(
                field=query["field"],
                device=query["device"],
                horizon=query.get("horizon", DEFAULT_HORIZON),
                now=timezone.now(),
                limit=query.get("limit"),
                below=None if side is None else side == "below",
            )
        except Unanswerable as error:
            raise ValidationError({error.attr: [str(error)]}, error.code) from error
        return Response(_told(found))


class CorrelationOfFields(V1View):
    """How two fields go together."""

    needs: Needs = {"GET": VIEW_READINGS}

    @extend_schema(parameters=[CorrelationQuery], responses=CorrelationAnswer, operation_id="get_correlation")
    def get(self, request: Request) -> Response:
        """Correlate two fields, also of different models and devices, and find by how much one is ahead.

        The interval counts only as many pairs as are independent; `caution` belongs to every answer.
        """
        query = query_of(request, CorrelationQuery)
        try:
            found = correlation(
                first=query["a"],
                second=query["b"],
                first_device=query.get("device_a"),
                second_device=query.get("device_b"),
                length=query.get("duration", DEFAULT_SPAN),
                max_lag=query.get("max_lag"),
                differenced={"auto": None, "yes": True, "no": False}[query["differenced"]],
                now=timezone.now(),
            )
        except Unanswerable as error:
            raise ValidationError({error.attr: [str(error)]}, error.code) from error
        step = found.step.total_seconds()
        sides = {"a": found.first, "b": found.second}
        return Response(
            _correlated(found.found, step)
            | {name: f"{side.model}.{side.field.name}" for name, side in sides.items()}
            | {f"device_{name}": side.device for name, side in sides.items()}
            | {"start": found.start, "end": found.end, "step_s": step}
            | {"sentence": found.sentence, "caution": found.caution}
            | {"without_day": _correlated(found.without_day, step) if found.without_day else None}
            | {"profile": [[lag * step, r] for lag, r in found.found.profile], "query": {"sql": found.sql}}
        )


def _correlated(found: Correlation, step: float) -> dict[str, Any]:
    plain = asdict(found)
    lags = {f"{name}_s": plain[name] * step for name in ("lag", "lag_low", "lag_high")}
    kept = {name: plain[name] for name in ("r", "low", "high", "pairs", "worth", "by_chance")}
    return {
        **kept,
        **lags,
        "is_more_than_chance": found.is_more_than_chance,
        "differenced": found.is_differenced,
    }


def _told(found: Outlook) -> dict[str, Any]:
    begin, step = found.start.timestamp(), found.step.total_seconds()
    lines = found.found.expected, found.found.low, found.found.high
    return {
        "device_id": found.device,
        "model": found.model,
        "field": found.field.name,
        "unit": found.field.unit,
        "start": found.start,
        "step_s": step,
        "newest": found.newest,
        "values": found.values,
        "points": [
            [begin + place * step, *values]
            for place, values in enumerate(zip(*(line.tolist() for line in lines), strict=True))
        ],
        "back_test": {
            "nominal": NOMINAL,
            "coverage": found.found.coverage,
            "error": found.found.error,
            "origins": found.found.origins,
            "way": found.found.way,
        },
        "limit": _limit(found),
        "query": {"sql": found.history.sql},
    }


def _limit(found: Outlook) -> dict[str, Any] | None:
    if found.crossing is None:
        return None
    one = found.crossing

    def moment(steps: float | None) -> datetime | None:
        return None if steps is None else found.start + steps * found.step

    return {
        "limit": one.limit,
        "side": "below" if one.is_below else "above",
        "is_there": one.is_there,
        "earliest": moment(one.earliest),
        "expected": moment(one.expected),
        "latest": moment(one.latest),
        "sentence": found.sentence,
    }
