"""Who looks on while the stack is measured: a user with a token, for as long as it takes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from knox.models import AuthToken

NAME = "bench"


def live_url() -> str:
    """Return the address of the live socket."""
    parts = urlsplit(settings.SITE_URL)
    return parts._replace(scheme={"https": "wss"}.get(parts.scheme, "ws"), path=parts.path + "/ws/live").geturl()


@contextmanager
def token() -> Iterator[str]:
    """Yield an API token of a viewer of its own; nothing of either is left afterwards."""
    users = get_user_model().objects
    was_there = users.filter(username=NAME).exists()
    before = set(AuthToken.objects.values_list("digest", flat=True))
    out = StringIO()
    call_command("create_token", user=NAME, stdout=out, stderr=StringIO())
    try:
        yield out.getvalue().strip()
    finally:
        AuthToken.objects.filter(user__username=NAME).exclude(digest__in=before).delete()
        if not was_there:
            users.filter(username=NAME).delete()
