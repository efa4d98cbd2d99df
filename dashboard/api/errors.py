"""The errors of the API. All have one shape: {"type", "errors": [{"code", "detail", "attr"}]}.

BadCredentials   401   name and password do not open anything here
Conflict         409   what is there already stands in the way
LengthRequired   411   the body came without its length
BodyTooLarge     413
BrokerSaysNo     502   the MQTT broker refused what was published
Unavailable      503   something that is needed is away; Retry-After says when to try again
"""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework.exceptions import APIException

# Everything below these is for programs, so that an unknown address there is answered with JSON.
API_PATHS = ("/api/", "/mqtt/", "/bridge/", "/validate", "/ai/", "/healthz", "/readyz", "/metrics")


class BadCredentials(APIException):
    """The one answer to every failed sign-in, so that it does not tell which names exist."""

    status_code = 401
    default_code = "bad_credentials"
    default_detail = "Name or password is wrong, or the account may not sign in here."
    auth_header = 'Token realm="dataflow"'


class Conflict(APIException):
    """What is there already stands in the way; nothing has changed."""

    status_code = 409
    default_code = "conflict"


class LengthRequired(APIException):
    """A body of unknown length."""

    status_code = 411
    default_code = "length_required"
    default_detail = "Send the body with a Content-Length."


class BodyTooLarge(APIException):
    """A body beyond the limit."""

    status_code = 413
    default_code = "too_large"


class BrokerSaysNo(APIException):
    """The MQTT broker answered, and refused."""

    status_code = 502
    default_code = "refused"


class Unavailable(APIException):
    """Something that is needed for the answer is away; nothing was taken in."""

    status_code = 503
    default_code = "unavailable"
    wait = 2  # seconds, for the header Retry-After


def is_api(request: HttpRequest) -> bool:
    """Tell whether an address is one for programs."""
    return request.path.startswith(API_PATHS)


def error_response(status: int, code: str, detail: str) -> JsonResponse:
    """Return an error in the one shape, for where Django answers and not Django REST framework."""
    kind = "server_error" if status >= 500 else "client_error"
    return JsonResponse({"type": kind, "errors": [{"code": code, "detail": detail, "attr": None}]}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that Django itself refused."""
    if is_api(request):
        return error_response(400, "bad_request", "The request cannot be understood.")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a request that is not allowed."""
    if is_api(request):
        return error_response(403, "permission_denied", "You may not do this.")
    return defaults.permission_denied(request, exception)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an address that does not exist."""
    if is_api(request):
        return error_response(404, "not_found", "There is nothing at this address; /api/docs lists what there is.")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after a failure of ours; the log has it."""
    if is_api(request):
        return error_response(500, "error", "The server failed. Its log says why.")
    return defaults.server_error(request)
