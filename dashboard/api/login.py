"""Sign in as a program: name and password for a token."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate
from django.contrib.auth.models import User, update_last_login
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from knox.models import AuthToken
from rest_framework.exceptions import Throttled
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import ApiView
from dashboard.api.errors import BadCredentials
from dashboard.serializers import Credentials, IssuedToken


class AdminLogin(ApiView):
    """Give staff a token."""

    authentication_classes = ()  # a token or session of before means nothing here
    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponseRedirect:
        """Send a person to the admin's own page."""
        return HttpResponseRedirect(reverse("admin:login") + query_string(request))

    @extend_schema(request=Credentials, responses=IssuedToken, auth=[], operation_id="admin_login")
    def post(self, request: Request) -> Response:
        """Give staff a token for name and password. Ten wrong guesses lock the name out for a quarter of an hour."""
        given = Credentials(data=request.data)
        given.is_valid(raise_exception=True)
        user = staff_user(request._request, **given.validated_data)
        row, token = AuthToken.objects.create(user)
        # Not the signal of a sign-in: its receivers would open a session, which a program has no use for.
        update_last_login(type(user), user)
        return Response({"token": token, "expires": row.expiry})


def staff_user(request: HttpRequest, username: str, password: str) -> User:
    """Return the member of staff with this name and password.

    Raises Throttled when too many guesses were wrong, else BadCredentials, whatever the fault was: a right password
    of somebody who is not staff counts as a wrong guess, so that nobody can try passwords here.
    """
    user: Any = authenticate(request, username=username, password=password)
    if user is not None and not user.is_staff:
        user_login_failed.send(sender=__name__, credentials={"username": username}, request=request)
        user = None
    if getattr(request, "axes_locked_out", False):
        # The answer is given here; django-axes' middleware would put a page in its place.
        request.axes_locked_out = False  # type: ignore[attr-defined]
        raise Throttled(detail="Too many wrong guesses. Wait a quarter of an hour.")
    if user is None:
        raise BadCredentials()
    found: User = user
    return found


def query_string(request: Request) -> str:
    """Return the address's query with its question mark, or nothing."""
    query = request.META.get("QUERY_STRING", "")
    return f"?{query}" if query else ""
