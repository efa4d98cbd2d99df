"""See what a draft would do before it is published: to one payload, and to what came lately."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from drf_spectacular.utils import extend_schema
from redis import RedisError
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import RawJson
from dashboard.api.errors import Unavailable
from dashboard.api.v1.base import VIEW_MODELS, Needs, V1View, everything
from dashboard.api.v1.bodies import body_of, query_of, raw_body_of, spec_of
from dashboard.api.v1.names import model_of
from dashboard.api.v1.payloads import exact, shown_payload
from dashboard.api.v1.requests import TrialOver, TryThis
from dashboard.serializers.common import listing_of
from dashboard.serializers.trials import TRY, Comparison, Recent, RecentQuery, TrialRequest, Tried, TryRequest
from ingest.topics import InvalidTopic, check_topic, wildcard_values
from validation import recent, trial
from validation.models import DataModel
from validation.publishing import check
from validation.spec import ModelSpec


class TryPayload(V1View):
    """Judge one payload."""

    needs: Needs = {"POST": VIEW_MODELS}
    parser_classes = (RawJson,)

    @extend_schema(request=TryRequest, examples=[TRY], responses=listing_of(Tried), operation_id="try_payload")
    def post(self, request: Request, name: str) -> Response:
        """Judge one message by the draft, as if it came now: every fault with its path, or the row it would become.

        An array gives a result for each of its readings. Nothing is stored.
        """
        wanted = raw_body_of(request, TryThis)
        spec = draft_of(model_of(name), wanted.spec)
        _check_topic(wanted.topic, spec)
        return everything([_tried(item) for item in trial.try_payload(spec, wanted.topic, _payload(wanted.payload))])


class Trial(V1View):
    """Judge recent messages."""

    needs: Needs = {"POST": VIEW_MODELS}

    @extend_schema(request=TrialRequest, responses=Comparison, operation_id="run_trial")
    def post(self, request: Request, name: str) -> Response:
        """Judge the newest messages by the draft and by the version in use; say how many pass, newly fail, newly pass.

        The messages are those kept lately and those in quarantine, in bounded number: a sample, not the history.
        """
        wanted = body_of(request, TrialOver)
        model = model_of(name)
        return Response(exact(trial.compare(model, draft_of(model, wanted.spec), wanted.count)))


class RecentMessages(V1View):
    """The newest messages of a model."""

    needs: Needs = {"GET": VIEW_MODELS}

    @extend_schema(parameters=[RecentQuery], responses=listing_of(Recent), operation_id="list_recent")
    def get(self, request: Request, name: str) -> Response:
        """List some of the newest messages of a model as they came, accepted or not, newest first."""
        limit = query_of(request, RecentQuery)["limit"]
        try:
            messages = recent.messages(model_of(name).name, limit)
        except RedisError as error:
            raise Unavailable("The store of recent messages does not answer. Try again soon.") from error
        return everything([_recent(message) for message in messages])


def draft_of(model: DataModel, given: dict[str, Any] | None) -> ModelSpec:
    """Return the specification to try: the one given, else the draft. Raises what `check` refuses."""
    spec = model.spec() if given is None else spec_of(given, at="spec")
    check(spec)
    return spec


def _check_topic(topic: str, spec: ModelSpec) -> None:
    try:
        check_topic(topic)
    except InvalidTopic as error:
        raise ValidationError({"topic": [str(error)]}, "topic") from error
    if wildcard_values(spec.topic_filter, topic) is None:
        raise ValidationError({"topic": [f"The topic filter {spec.topic_filter} does not match it."]}, "topic")


def _payload(given: msgspec.Raw) -> bytes:
    """Return the bytes that would have come: those of a text, else the JSON exactly as it was written."""
    raw = bytes(given)
    text: Any = msgspec.json.decode(raw) if raw.startswith(b'"') else None
    return text.encode() if isinstance(text, str) else raw


def _tried(item: trial.Tried) -> Any:
    return exact(
        {"accepted": item.accepted, "device": item.device, "ts": item.ts, "row": item.row, "reasons": item.reasons}
    )


def _recent(message: recent.Recent) -> dict[str, Any]:
    return {
        "topic": message.topic,
        "received_at": datetime.fromtimestamp(message.received, UTC),
        "accepted": message.accepted,
        **shown_payload(message.payload),
    }
