"""The doors for programs that bring readings: straight into the ring, or through the broker."""

from __future__ import annotations

from typing import Any

import orjson
from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import ApiView, MayPublish, RawJson
from dashboard.api.errors import BrokerSaysNo, Unavailable
from dashboard.serializers import IngestQuery, PublishRequest, PublishResult, Receipt
from ingest.doors import Refused, http_door, messages_of
from ingest.publish import BrokerAway, BrokerRefused, publish
from ingest.ring import NoBufferAvailable
from ingest.topics import InvalidTopic, check_topic, is_platform

ANY_READINGS = {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}


class Ingest(ApiView):
    """Take readings in."""

    parser_classes = (RawJson,)
    permission_classes = (IsAuthenticated, MayPublish)

    @extend_schema(
        parameters=[IngestQuery],
        request={"application/json": ANY_READINGS},
        responses={202: Receipt, 503: OpenApiResponse(description="No buffer takes it: keep the readings, try again.")},
        operation_id="ingest",
    )
    def post(self, request: Request) -> Response:
        """Take a reading, or an array of them. After 202 they are durable; a worker judges and stores them next."""
        received: Any = request.data  # without a body, DRF gives an empty dictionary
        body = received if isinstance(received, bytes) else b""
        try:
            topics, payloads = messages_of(body, request.query_params.get("topic"), settings.HTTP_INGEST_TOPIC)
        except Refused as error:
            raise ValidationError({error.attr: [error.detail]} if error.attr else [error.detail], error.code) from error
        try:
            appended = http_door().let_in(topics, payloads)
        except NoBufferAvailable as error:
            raise Unavailable("No buffer takes readings now. Keep them and try again soon.") from error
        count = len(payloads)
        counts = {"received": count, "stored": 0, "duplicate": 0, "quarantined": 0, "in_flight": count}
        return Response({**counts, "buffer": appended.buffer, "entry": appended.entry}, status=202)


class Publish(ApiView):
    """Publish a message."""

    permission_classes = (IsAuthenticated, MayPublish)

    @extend_schema(request=PublishRequest, responses=PublishResult, operation_id="mqtt_publish")
    def post(self, request: Request) -> Response:
        """Publish a message through the broker and say what it answered."""
        wanted = PublishRequest(data=request.data)
        wanted.is_valid(raise_exception=True)
        topic, payload, qos = (wanted.validated_data[name] for name in ("topic", "payload", "qos"))
        try:
            platform = is_platform(check_topic(topic))
        except InvalidTopic as error:
            raise ValidationError({"topic": [str(error)]}, "topic") from error
        if platform:
            raise PermissionDenied("Topics under commands/, status/ and $ are the platform's own.", "platform_topic")
        data = payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
        try:
            reason = publish(settings.MQTT_URL, topic, data, qos)
        except BrokerAway as error:
            raise Unavailable("The MQTT broker does not answer. Nothing was published.", "broker_away") from error
        except BrokerRefused as error:
            raise BrokerSaysNo(f"The MQTT broker refused: {error}.") from error
        return Response({"topic": topic, "qos": qos, "reason": reason})
