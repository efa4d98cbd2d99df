"""Talk with a server of the kind of OpenAI's: `POST LLM_URL/chat/completions`. The one call that leaves this machine.

Nothing that a model or a device says can change where the call goes: the address comes from the settings, redirects
are not followed, proxies of the environment are not used, and plain HTTP goes to this machine only, whatever its name
resolves to.

    ServerFailed   it could not be reached, was too slow, or said what is no answer
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import msgspec

from dataflow.lib.language_model import LanguageModel

MOST_BYTES = 256 * 1024  # of one answer; a long one has 8 KB
MOST_TOKENS = 900  # of one answer: five sentences, or some calls
PIECE = 16 * 1024
Message = dict[str, Any]


class ServerFailed(Exception):
    """The server gave no answer; the message says why, for the log."""


class Function(msgspec.Struct):
    """What is called; `arguments` are JSON in a text, or with some servers an object."""

    name: str
    arguments: str | dict[str, Any] = ""


class ToolCall(msgspec.Struct):
    """A call that the model wants."""

    function: Function
    id: str = ""


class Said(msgspec.Struct):
    """What the model said: words, or calls."""

    content: str | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(msgspec.Struct):
    """One of several answers, of which there is always one."""

    message: Said


class Usage(msgspec.Struct):
    """What the server counted."""

    total_tokens: int | None = 0


class Completion(msgspec.Struct):
    """An answer of the server; everything else in it is passed over."""

    choices: list[Choice]
    usage: Usage | None = None


def complete(server: LanguageModel, messages: Sequence[Message], tools: Sequence[Any], seconds: float) -> Completion:
    """Return what the model says. Blocks for `seconds` at most, even when bytes trickle in. Raises ServerFailed."""
    body: dict[str, Any] = {"model": server.model, "messages": list(messages), "max_tokens": MOST_TOKENS}
    if tools:
        body |= {"tools": list(tools), "tool_choice": "auto"}
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Accept-Encoding": "identity"}
    if server.key:
        headers["Authorization"] = f"Bearer {server.key}"
    parts = urlsplit(server.url)
    connection = _connection(parts, seconds)
    # Time-outs of sockets begin anew with every byte; this ends the whole.
    end = threading.Timer(seconds, _cut, [connection])
    end.daemon = True
    end.start()
    try:
        connection.connect()
        _stay_here(parts, connection)
        connection.request("POST", f"{parts.path}/chat/completions", json.dumps(body).encode(), headers)
        return _read(connection.getresponse(), time.monotonic() + seconds)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ServerFailed(f"{type(error).__name__}: {error}") from error
    finally:
        end.cancel()
        connection.close()


def _connection(parts: SplitResult, seconds: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        return http.client.HTTPSConnection(host, parts.port, timeout=seconds, context=ssl.create_default_context())
    return http.client.HTTPConnection(host, parts.port, timeout=seconds)


def _stay_here(parts: SplitResult, connection: http.client.HTTPConnection) -> None:
    """Raise ServerFailed before anything is said over plain HTTP to another machine."""
    if parts.scheme != "https" and not ip_address(connection.sock.getpeername()[0]).is_loopback:
        raise ServerFailed("LLM_URL has no https and does not resolve to this machine.")


def _cut(connection: http.client.HTTPConnection) -> None:
    if connection.sock is not None:
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # it was closed between the two lines


def _read(response: http.client.HTTPResponse, until: float) -> Completion:
    if response.status != http.client.OK:
        raise ServerFailed(f"it answered with status {response.status}")
    body = bytearray()
    while piece := response.read1(PIECE):
        body += piece
        if len(body) > MOST_BYTES:
            raise ServerFailed(f"its answer has more than {MOST_BYTES:,} bytes")
        if time.monotonic() > until:
            raise ServerFailed("it was too slow")
    try:
        found = msgspec.json.decode(bytes(body), type=Completion)
    except msgspec.DecodeError as error:
        raise ServerFailed(f"its answer is none: {error}") from error
    if not found.choices:
        raise ServerFailed("its answer is empty")
    return found
