"""A link does to a connection what its weather says, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Link, Network, Weather

SOON_S = 0.05
ANSWER_S = 10.0  # for what is sure to come


def echo(server: socket.socket) -> None:
    """Answer every client with its own words."""

    def answer(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(65_536):
                    client.sendall(data)
            except ConnectionError:
                return  # a reset is what some of the tests are about

    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(client,), daemon=True).start()


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as network:
        yield network


@pytest.fixture
def link(network: Network) -> Iterator[Link]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=echo, args=(server,), daemon=True).start()
        link = network.link("test", *server.getsockname())
        yield link
        link.close()


def dial(link: Link) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", link.port), timeout=ANSWER_S)
    client.settimeout(ANSWER_S)
    return client


def ask(client: socket.socket, words: bytes = b"hello") -> bytes:
    client.sendall(words)
    return client.recv(65_536)


def is_silent(client: socket.socket, words: bytes = b"hello") -> bool:
    client.settimeout(SOON_S)
    try:
        ask(client, words)
    except TimeoutError:
        return True
    finally:
        client.settimeout(ANSWER_S)
    return False


def test_a_link_passes_bytes_on_in_both_directions(link: Link) -> None:
    with dial(link) as client:
        assert ask(client) == b"hello"
        assert (link.accepted, link.open_connections) == (1, 1)


def test_a_cut_link_ends_connections_and_refuses_new_ones_until_it_is_healed(link: Link) -> None:
    with dial(link) as client:
        assert ask(client) == b"hello"  # so the link knows of the connection
        link.cut()
        assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        dial(link)
    link.heal()
    with dial(link) as client:
        assert ask(client) == b"hello"


def test_a_silent_link_says_nothing_and_then_everything(link: Link) -> None:
    with dial(link) as client:
        assert ask(client) == b"hello"
        link.set(Weather(silent=True))
        assert is_silent(client, b"late")
        with dial(link) as another:
            assert is_silent(another)
        link.heal()
        assert client.recv(65_536) == b"late"


def test_a_link_that_loses_answers_still_delivers_requests_and_is_reset_when_healed(link: Link) -> None:
    with dial(link) as client:
        link.set(Weather(deaf=True))
        assert is_silent(client)
        link.heal()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_reset_is_a_reset_and_not_an_end(link: Link) -> None:
    with dial(link) as client:
        assert ask(client) == b"hello"
        link.reset()
        with pytest.raises(ConnectionResetError):
            client.recv(1)


@pytest.mark.parametrize(("weather", "least_s"), [(Weather(delay_s=0.02), 0.025), (Weather(bytes_per_s=5_000), 0.03)])
def test_a_slow_or_thin_link_takes_its_time(link: Link, weather: Weather, least_s: float) -> None:
    with dial(link) as client:
        link.set(weather)
        began = time.monotonic()
        assert len(ask(client, b"x" * 100)) == 100
        assert time.monotonic() - began >= least_s


def test_without_a_server_the_connection_ends(network: Network) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
    link = network.link("nobody", *address)
    with dial(link) as client:
        assert client.recv(1) == b""
