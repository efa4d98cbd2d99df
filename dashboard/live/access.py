"""Who may open a live socket, and who may keep it.

A browser comes with its session, and only from a page of this site (the Origin is checked). A program comes with
`Authorization: Token …`, which no page of another site can make a browser send, so it needs no Origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, NamedTuple

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.security.websocket import AllowedHostsOriginValidator
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.models import Session
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from knox.models import AuthToken
from rest_framework.exceptions import AuthenticationFailed

from dashboard.api.base import Token
from dashboard.live.backlog import backlog_of

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class Pass(NamedTuple):
    """What a socket was opened with: a session or a token, whose it is, and the password's hash in the session."""

    kind: str
    key: str
    user_id: int
    password_hash: str = ""


class TokenOrSession:
    """ASGI middleware: set `scope["user"]` and `scope["pass"]`, by token when one is sent, else by session.

    It stands first, so it also sets `scope["backlog"]`, which others would hide by wrapping `send`.
    """

    def __init__(self, inner: Application) -> None:
        self._inner = inner
        self._by_session = AllowedHostsOriginValidator(AuthMiddlewareStack(inner))

    async def __call__(
        self, scope: Scope, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]
    ) -> None:
        """Pass a connection on to whoever serves it."""
        scope = {**scope, "backlog": backlog_of(send)}
        header = next((value for name, value in scope.get("headers", []) if name == b"authorization"), None)
        if header is None:
            await self._by_session(scope, receive, send)
            return
        user, held = await database_sync_to_async(_of_token)(header)
        await self._inner({**scope, "user": user, "pass": held}, receive, send)


def pass_of(scope: Scope) -> Pass | None:
    """Return what an opened connection has to show; None when nobody is signed in."""
    user = scope["user"]
    if not user.is_authenticated or not user.is_active:
        return None
    if scope.get("pass") is not None:
        held: Pass = scope["pass"]
        return held
    session = scope["session"]
    return Pass("session", session.session_key, user.pk, session.get(HASH_SESSION_KEY, ""))


def still_valid(passes: Iterable[Pass]) -> set[Pass]:
    """Return the passes that would still open a socket. Three queries, however many there are."""
    sessions = {held.key for held in passes if held.kind == "session"}
    tokens = {held.key for held in passes if held.kind == "token"}
    now = timezone.now()
    rows = {row.session_key: row for row in Session.objects.filter(session_key__in=sessions, expire_date__gt=now)}
    unexpired = Q(expiry__isnull=True) | Q(expiry__gt=now)
    digests = set(AuthToken.objects.filter(unexpired, digest__in=tokens).values_list("digest", flat=True))
    users = get_user_model().objects.filter(is_active=True).in_bulk({held.user_id for held in passes})
    return {
        held
        for held in passes
        if held.user_id in users
        and (held.key in digests if held.kind == "token" else _opens(rows.get(held.key), users[held.user_id], held))
    }


def _opens(row: Session | None, user: Any, held: Pass) -> bool:
    """Tell whether a session still belongs to its user, whose password has not changed since."""
    if row is None:
        return False
    content = row.get_decoded()
    return content.get(SESSION_KEY) == str(held.user_id) and constant_time_compare(
        content.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    )


def _of_token(header: bytes) -> tuple[Any, Pass | None]:
    kind, _, token = header.strip().partition(b" ")
    if kind.lower() != b"token":
        return AnonymousUser(), None
    try:
        user, row = Token().authenticate_credentials(token.strip())
    except AuthenticationFailed:
        return AnonymousUser(), None
    return user, Pass("token", row.digest, user.pk)
