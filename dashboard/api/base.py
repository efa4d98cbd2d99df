"""What all routes of the API share: who may come in, how JSON goes in and out, and that every error has one shape."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import IO, Any

import orjson
from django.db import InterfaceError, OperationalError
from knox.auth import TokenAuthentication
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, ParseError, ValidationError
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from dashboard.api.errors import BodyTooLarge, LengthRequired, Unavailable
from dashboard.api.openapi import ApiSchema
from validation.selectors import TooManyReadings, TooSlow

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 1024 * 1024


class Token(TokenAuthentication):  # type: ignore[misc]  # knox has no types
    """`Authorization: Token …`, as `manage.py create_token` prints it."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """Return the user and the token's row; raise AuthenticationFailed, also for bytes that cannot be a token."""
        if not (token.isascii() and token.isalnum()):
            raise AuthenticationFailed("Invalid token.")
        found: tuple[Any, Any] = super().authenticate_credentials(token)
        return found


class MayPublish(BasePermission):
    """Lets in who may send readings into the system."""

    message = "This needs the permission to publish readings (role Operator or above)."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the user has it."""
        return bool(request.user and request.user.has_perm("ingest.publish"))


class RawJson(BaseParser):
    """Give a JSON body as the bytes it came in, bounded and not yet judged."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the bytes of the body; raise BodyTooLarge beyond MAX_BODY_BYTES."""
        body = stream.read(MAX_BODY_BYTES + 1)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLarge(f"The body must not be larger than {MAX_BODY_BYTES:,} bytes.")
        return body


class StrictJson(RawJson):
    """Give a JSON body decoded. Unlike Python's own reader, this one refuses NaN, Infinity and lone surrogates."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return what the body says; raise ParseError or BodyTooLarge."""
        try:
            return orjson.loads(super().parse(stream, media_type, parser_context))
        except orjson.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON that can be read: {error}.") from error


class Json(BaseRenderer):
    """Write JSON. Times are ISO 8601 in UTC."""

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        """Return the bytes of an answer."""
        # `default` is for the lazily translated texts of Django and DRF.
        option = orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY  # a chart's points are an array; NaN becomes null
        return b"" if data is None else orjson.dumps(data, default=str, option=option)


class ApiView(APIView):
    """A route of the API: for those signed in, by token or session."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (Token, SessionAuthentication)
    parser_classes: Sequence[type[BaseParser]] = (StrictJson,)
    renderer_classes: Sequence[type[BaseRenderer]] = (Json,)
    schema = ApiSchema()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body whose length is not said: it would be taken for an empty one further on."""
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired()
        super().initial(request, *args, **kwargs)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Let nobody keep an answer: it is about this moment and this user."""
        final = super().finalize_response(request, response, *args, **kwargs)
        final.headers.setdefault("Cache-Control", "no-store")
        return final

    def handle_exception(self, exc: Exception) -> Response:
        """Answer in the one shape of errors; say what to do when the store is away or was asked for too much."""
        if isinstance(exc, TooManyReadings):
            exc = ValidationError(f"That span holds more than {exc} readings: ask for less.", "too_many_readings")
        elif isinstance(exc, TooSlow):
            exc = Unavailable(f"That took longer than {exc} and was stopped: ask for less.", "too_slow")
        elif isinstance(exc, OperationalError | InterfaceError):
            log.warning("the database cannot be asked: %s", exc)
            exc = Unavailable("The database does not answer. Try again soon.")
        return super().handle_exception(exc)
