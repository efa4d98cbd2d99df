"""A TCP relay in front of a server, to cut, stop and watch what goes between it and one client."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field


@dataclass(eq=False)
class Link:
    """One connection through the relay."""

    client: socket.socket
    server: socket.socket
    sent: bytearray = field(default_factory=bytearray)  # what the client has sent

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class Relay:
    """Listens on a port of its own and passes on to a server."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.links: list[Link] = []
        self._is_cut = False
        self._flows = threading.Event()  # from the server to the client
        self._flows.set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections and let none through."""
        self._is_cut = True
        for link in self.links:
            link.close()

    def freeze(self) -> None:
        """Let nothing more come from the server, not even that it has closed; the client's side stays open."""
        self._flows.clear()

    def heal(self) -> None:
        """Let everything through again."""
        self._is_cut = False
        self._flows.set()

    def close(self) -> None:
        """End it."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._is_cut:
                    client.close()
                    continue
                try:
                    link = Link(client, socket.create_connection(self._target, 5))
                except OSError:
                    client.close()
                    continue
                self.links.append(link)
                for work in (self._upwards, self._downwards):
                    threading.Thread(target=work, args=(link,), daemon=True).start()

    def _upwards(self, link: Link) -> None:
        with contextlib.suppress(OSError):
            while data := link.client.recv(65_536):
                link.sent += data
                with contextlib.suppress(OSError):
                    link.server.sendall(data)
        link.close()

    def _downwards(self, link: Link) -> None:
        with contextlib.suppress(OSError):
            while data := link.server.recv(65_536):
                self._flows.wait()
                link.client.sendall(data)
        self._flows.wait()
        link.close()
