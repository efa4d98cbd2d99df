"""Free ports on this machine: the one of the last run, else the usual one, else the next that is free."""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO

from dataflow.embedded.program import ServiceError

LOOPBACK = "127.0.0.1"
NEXT_PORTS = 200  # how many ports after the usual one are tried


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Tell whether a server could listen on a port right now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@contextmanager
def _unlocking(lock: IO[bytes]) -> Iterator[None]:
    with lock:  # closing it gives it up, and so does the end of the process
        yield


def choosing_ports() -> AbstractContextManager[None]:
    """Wait until no other stack of this user is between choosing ports and listening there, and be the one that is.

    Returns what ends that. Blocks for the seconds that the other one takes to start its services.
    """
    lock = open(Path(tempfile.gettempdir()) / f"dataflow-ports-{os.getuid()}.lock", "ab")  # noqa: SIM115
    fcntl.flock(lock, fcntl.LOCK_EX)
    return _unlocking(lock)


class Ports:
    """Hands out each port once. With `anywhere` usual ports are left alone, for tests beside a running stack."""

    def __init__(self, *, anywhere: bool = False) -> None:
        self.anywhere = anywhere
        self._given: set[int] = set()

    def take(self, usual: int, last: int | None = None, host: str = LOOPBACK) -> int:
        """Return a free port, remembering that it is taken."""
        for port in self._candidates(usual, last):
            if port not in self._given and is_free(port, host):
                self._given.add(port)
                return port
        raise ServiceError(f"No free port between {usual} and {usual + NEXT_PORTS} on {host}.")

    def _candidates(self, usual: int, last: int | None) -> Iterable[int]:
        if self.anywhere:
            # Below the ports that outgoing connections get, so that none of those takes it before the server does.
            return random.sample(range(15_000, 32_000), NEXT_PORTS)
        return ([last] if last else []) + list(range(usual, usual + NEXT_PORTS))
