"""The devices: how they are, their newest readings, their history."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import ApiView
from dashboard.api.times import span
from dashboard.serializers import History, HistoryQuery, LatestQuery, LatestReading, StatusQuery, StatusRow
from ingest.names import DEVICE_NAME
from validation import history, selectors
from validation.presence import expected_interval, status
from validation.selectors import Presence
from validation.spec import FieldSpec, ModelSpec

DEFAULT_SPAN = timedelta(minutes=5)
NAMES_SHOWN = 10  # of the devices there are, when one was asked for that is not


class DeviceStatus(ApiView):
    """Say how each device is."""

    @extend_schema(parameters=[StatusQuery], responses=StatusRow(many=True), operation_id="device_status")
    def get(self, request: Request) -> Response:
        """Say how each device is, by when a reading of it last arrived."""
        query = checked(StatusQuery, request)
        return Response(status_rows(query.get("model")))


class DeviceLatest(ApiView):
    """Give the newest reading of a device."""

    @extend_schema(parameters=[LatestQuery], responses=LatestReading, operation_id="device_latest")
    def get(self, request: Request, device: str) -> Response:
        """Give the newest reading of a device by event time."""
        model = checked(LatestQuery, request).get("model")
        specs = selectors.model_specs() if model is not None else {}
        if model is not None and model not in specs:
            raise unknown_model(model, specs)
        found = selectors.newest(model=model, device=registered(device))
        if not found:
            raise NotFound(f"The device {device} has sent nothing yet{f' of {model}' if model else ''}.", "no_reading")
        reading = found[0]
        return Response(
            {
                "device_id": reading.device,
                "model": reading.model,
                "ts": reading.ts,
                "received_at": reading.received_at,
                "values": reading.values,
            }
        )


class DeviceHistory(ApiView):
    """Give a field of a device over time."""

    @extend_schema(parameters=[HistoryQuery], responses=History, operation_id="device_history")
    def get(self, request: Request, device: str) -> Response:
        """Give a field of a device over time, oldest first, in at most so many points.

        Readings as they are, thinned where there are more; of long spans buckets of a rollup, and `source` says so.
        """
        query = checked(HistoryQuery, request)
        try:
            start, end = span(timezone.now(), query.get("start"), query.get("end"), query.get("duration"), DEFAULT_SPAN)
        except ValueError as error:
            raise ValidationError({"start": [str(error)]}, "span") from error
        spec, field = choose(registered(device), query.get("model"), query.get("field"))
        wanted = history.HistoryQuery(
            fields=(f"{spec.name}.{field.name}",),
            devices=(device,),
            start=start,
            end=end,
            points=query["points"],
            silences=False,
        )
        found = history.answer(wanted, timezone.now())
        return Response(
            {
                "device_id": device,
                "model": spec.name,
                "field": field.name,
                "unit": field.unit,
                "start": start,
                "end": end,
                "resolution": found.resolution,
                "source": found.source,
                "points": found.series[0].points if found.series else [],
            }
        )


def choose(device: str, model: str | None, field: str | None) -> tuple[ModelSpec, FieldSpec]:
    """Return the model and field that are meant: the ones asked for, else the newest model, else its first field.

    Raises ValidationError or NotFound with the names that exist.
    """
    specs = selectors.model_specs()
    if model is not None and model not in specs:
        raise unknown_model(model, specs)
    sent = [model] if model is not None else [reading.model for reading in selectors.newest(device=device)]
    if not sent:
        raise NotFound(f"The device {device} has sent nothing yet.", "no_reading")
    for name in sent:
        for candidate in specs[name].fields:
            if field in (None, candidate.name):
                return specs[name], candidate
    known = "; ".join(f"{name} has {', '.join(part.name for part in specs[name].fields)}" for name in sent)
    raise ValidationError({"field": [f"There is no field {field!r}: {known}."]}, "unknown_field")


def checked(query: Any, request: Request) -> dict[str, Any]:
    """Return the parameters of an address, each of its type; raise ValidationError naming what is wrong."""
    found = query(data=request.query_params)
    found.is_valid(raise_exception=True)
    values: dict[str, Any] = found.validated_data
    return values


def registered(device: str) -> str:
    """Return the name of a device that is registered; raise NotFound with some that are."""
    if re.fullmatch(DEVICE_NAME, device, re.ASCII) and selectors.device_exists(device):
        return device
    names = selectors.device_names(NAMES_SHOWN + 1)
    known = ", ".join(names[:NAMES_SHOWN]) + (", …" if len(names) > NAMES_SHOWN else "") or "none yet"
    raise NotFound(f"There is no device {device!r}. Known: {known}; /api/devices/status lists them.", "unknown_device")


def unknown_model(model: str, specs: dict[str, ModelSpec]) -> ValidationError:
    """Return the error for a model that does not exist, with those that do."""
    known = ", ".join(specs) or "none yet"
    return ValidationError({"model": [f"There is no model {model!r}. Published: {known}."]}, "unknown_model")


def status_rows(model: str | None) -> list[dict[str, Any]]:
    """Return how each device is, of one model or of all; one query."""
    now = time.time()
    return [_status_row(row, now) for row in selectors.presences(model)]


def _status_row(row: Presence, now: float) -> dict[str, Any]:
    interval = expected_interval(row.override, row.learned)
    return {
        "device_id": row.device,
        "status": status(row.last_seen.timestamp() if row.last_seen else None, interval, now),
        "last_seen": row.last_seen,
        "expected_interval_s": interval,
        "model": row.model,
    }
