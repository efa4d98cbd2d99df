"""How much of what was sent over a socket the network has not taken yet.

ASGI does not say: `send` returns at once, and Daphne keeps the bytes until the other side reads them, however many
there are (django/daphne#170). Its pings end a connection that reads nothing, but only after the better part of a
minute, and never when the client says something now and then. So this looks at Daphne's own connection, which is the
first argument of the `send` it gives to an application. A test with a real Daphne fails when that changes; behind
another server, where nothing is found, the server's own pushing back has to do.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from twisted.internet.abstract import FileDescriptor


def backlog_of(send: Callable[..., Any]) -> Callable[[], int]:
    """Return a function that says how many bytes wait for the network, given what Daphne passed as `send`."""
    arguments = send.args if isinstance(send, functools.partial) else ()
    transport = getattr(arguments[0], "transport", None) if arguments else None
    if not isinstance(transport, FileDescriptor):
        return lambda: 0
    return lambda: len(transport.dataBuffer) - transport.offset + transport._tempDataLen
