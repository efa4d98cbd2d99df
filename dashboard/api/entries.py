"""What was validated, newest first."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import ApiView
from dashboard.api.devices import checked, registered, unknown_model
from dashboard.serializers import EntriesQuery, Entry
from validation import selectors


class Entries(ApiView):
    """List the newest stored readings."""

    @extend_schema(parameters=[EntriesQuery], responses=Entry(many=True), operation_id="validated_entries")
    def get(self, request: Request) -> Response:
        """List the newest readings that were validated and stored, newest event time first."""
        query = checked(EntriesQuery, request)
        specs = selectors.model_specs()
        model, device = query.get("model"), query.get("device")
        if model is not None and model not in specs:
            raise unknown_model(model, specs)
        if device is not None:
            registered(device)
        wanted = specs.values() if model is None else [specs[model]]
        found = [
            entry
            for spec in wanted
            for entry in selectors.entries(spec, limit=query["limit"], device=device, since=query.get("since"))
        ]
        found.sort(key=lambda entry: (entry.ts, entry.seq), reverse=True)
        return Response([_row(entry) for entry in found[: query["limit"]]])


def _row(entry: selectors.Entry) -> dict[str, object]:
    row = entry._asdict()
    return {"device_id": row.pop("device"), **row}
