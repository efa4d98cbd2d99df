"""A WebSocket client that costs little: RFC 6455 as far as a client needs it that reads what one server sends.

The load of a thousand sockets comes from the machine that is measured, so what the client costs is missing elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
import struct
from urllib.parse import urlsplit

CONTINUED, TEXT, CLOSE, PING, PONG = 0x0, 0x1, 0x8, 0x9, 0xA
FINAL, MASKED = 0x80, 0x80
SHORT, LONG = 126, 127  # lengths that say that the real one follows, in two or in eight bytes
OPEN_TIMEOUT_S = 30.0


class Closed(ConnectionError):
    """The server has closed the connection; `code` is why, or 1006 when it did not say."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the server closed the socket with {code}")
        self.code = code


class WebSocket:
    """One connection. For one task at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, url: str, token: str, receive_bytes: int = 0) -> WebSocket:
        """Connect with an API token; raise ConnectionError when the server refuses, TimeoutError when it is silent.

        With `receive_bytes` neither the kernel nor this process takes much more than that before it is read.
        """
        parts = urlsplit(url)
        host, port = parts.hostname or "127.0.0.1", parts.port or 80
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        sock.setblocking(False)
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await asyncio.get_running_loop().sock_connect(sock, (host, port))
            secure = ssl.create_default_context() if parts.scheme == "wss" else None
            reader, writer = await asyncio.open_connection(
                sock=sock, limit=receive_bytes or 2**16, ssl=secure, server_hostname=host if secure else None
            )
            key = base64.b64encode(os.urandom(16)).decode()
            lines = [f"GET {parts.path} HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
            lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Authorization: Token {token}"]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        if " 101 " not in answer.partition("\r\n")[0]:
            writer.close()
            raise ConnectionError(f"{url} is no live socket for this token: {answer.partition(chr(13))[0]}")
        return cls(reader, writer)

    def send(self, text: str) -> None:
        """Send a text; it goes out when the loop has time."""
        self._write(TEXT, text.encode())

    async def receive(self) -> bytes:
        """Return the next text, in UTF-8; answer pings meanwhile. Raises Closed."""
        content = b""
        while True:
            try:
                kind, final, data = await self._frame()
            except (asyncio.IncompleteReadError, ConnectionResetError) as error:
                raise Closed(1006) from error
            if kind == PING:
                self._write(PONG, data)
            elif kind == CLOSE:
                raise Closed(struct.unpack("!H", data[:2])[0] if len(data) >= 2 else 1005)
            elif kind in (TEXT, CONTINUED):
                content += data
                if final:
                    return content

    def close(self) -> None:
        """Go away without a word."""
        self._writer.transport.abort()

    async def _frame(self) -> tuple[int, bool, bytes]:
        first, size = await self._reader.readexactly(2)
        if size == SHORT:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == LONG:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        return first & 0x0F, bool(first & FINAL), await self._reader.readexactly(size)

    def _write(self, kind: int, data: bytes) -> None:
        head = bytes([FINAL | kind])
        if len(data) < SHORT:
            head += bytes([MASKED | len(data)])
        else:
            head += bytes([MASKED | SHORT]) + struct.pack("!H", len(data))
        # Masked with zeros, which RFC 6455 (5.3) asks for against what stands between us and the server: nothing does.
        self._writer.write(head + bytes(4) + data)
