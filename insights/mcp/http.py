"""MCP over HTTP: `/mcp`, every request with `Authorization: Token …`.

Without sessions, so that nobody can go on with what another user began, and without streams: each call is answered in
one piece. The host that a browser names has to be one of ALLOWED_HOSTS, or a page elsewhere could use its visitor's
loopback address.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import uvicorn
from asgiref.sync import sync_to_async
from django.db import close_old_connections
from mcp.server.context import ServerRequestContext
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp, Receive, Scope, Send

from insights.mcp.access import NotKnown, of_token
from insights.mcp.server import server

PATH = "/mcp"
MOST_BODY = 64 * 1024  # bytes of a request; a long one has 1 KB
ASKER = "dataflow.user"  # where the number of the user stands in a request's scope


class TokenRequired:
    """Lets in who has a token, and notes whose it is; everybody else gets 401 and a sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            scope[ASKER] = await sync_to_async(_asker, thread_sensitive=False)(scope["headers"])
        except NotKnown as error:
            await _refuse(send, str(error))
            return
        await self.app(scope, receive, send)


def _asker(headers: Sequence[tuple[bytes, bytes]]) -> int:
    given = [value.decode("latin-1") for name, value in headers if name == b"authorization"]
    kind, _, token = (given[0] if len(given) == 1 else "").partition(" ")
    if kind.lower() != "token":
        raise NotKnown("This needs `Authorization: Token …`. `manage.py create_token` makes a token.")
    close_old_connections()
    try:
        return of_token(token.strip())
    finally:
        close_old_connections()


async def _refuse(send: Send, sentence: str) -> None:
    errors = [{"code": "not_authenticated", "detail": sentence, "attr": None}]
    body = orjson.dumps({"type": "client_error", "errors": errors})
    headers = [(b"content-type", b"application/json"), (b"www-authenticate", b"Token")]
    await send({"type": "http.response.start", "status": 401, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _who(ctx: ServerRequestContext[Any, Any]) -> int:
    request: Any = ctx.request
    number: int = request.scope[ASKER]
    return number


def app(hosts: Sequence[str]) -> ASGIApp:
    """Return the application; `hosts` are the names under which it may be reached, `*` for any."""
    names = [form for host in hosts for form in (host, f"{host}:*")]
    return TokenRequired(
        server(_who).streamable_http_app(
            streamable_http_path=PATH,
            stateless_http=True,
            json_response=True,
            max_request_body_size=MOST_BODY,
            transport_security=TransportSecuritySettings(
                enable_dns_rebinding_protection="*" not in hosts,
                allowed_hosts=names,
                allowed_origins=[f"{scheme}://{name}" for name in names for scheme in ("http", "https")],
            ),
        )
    )


def serve(bind: str, port: int, hosts: Sequence[str]) -> None:
    """Serve until the process is told to stop. Blocks."""
    uvicorn.run(app(hosts), host=bind, port=port, log_config=None, access_log=False, server_header=False)
