"""A slot: connecting, being refused, being left without an answer, and trying again."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ingest.bridge.loop import Bridge
from ingest.broker import Broker, Dial, open_socket
from ingest.names import session_name
from ingest.tests.bridges import Bench, ring_of, step_for, step_until, tenure_of
from ingest.tests.mqtt_bytes import connack, suback
from ingest.tests.servers import Mosquitto, Valkey, free_port, needs_mosquitto, payloads_in
from ingest.tests.test_bridge_loop import NoBuffers


class ScriptedBroker:
    """A broker that answers CONNECT and SUBSCRIBE with given bytes, and counts the connections."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.connections = answers, 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(ConnectionError):
            for answer in self.answers:
                connection.recv(65_536)
                connection.sendall(answer)
            while connection.recv(65_536):
                pass


@pytest.fixture
def script() -> Iterator[Callable[..., ScriptedBroker]]:
    """Return a function that starts a scripted broker."""
    brokers: list[ScriptedBroker] = []

    def start(*answers: bytes) -> ScriptedBroker:
        brokers.append(ScriptedBroker(*answers))
        return brokers[-1]

    yield start
    for broker in brokers:
        broker.server.close()


def bridge_to(url: str, topics: list[str] | None = None) -> Bridge:
    tenure = tenure_of(session_name("slot", 0))
    return Bridge("slot", Broker.of_url(url), topics or ["#"], NoBuffers(), lambda buffer: None, tenure)


@pytest.mark.parametrize(
    ("url", "broker", "shown"),
    [
        ("mqtt://host", Broker("host", 1883, False, None, None), "mqtt://host:1883"),
        ("mqtts://host", Broker("host", 8883, True, None, None), "mqtts://host:8883"),
        ("mqtt://u:p%40%3A@[::1]:99", Broker("::1", 99, False, "u", "p@:"), "mqtt://::1:99"),
    ],
)
def test_an_address_is_read_and_shown_without_its_password(url: str, broker: Broker, shown: str) -> None:
    assert Broker.of_url(url) == broker
    assert str(broker) == shown


@pytest.mark.parametrize("url", ["http://host", "mqtt://", "host:1883", "mqtt://host:port"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Broker.of_url(url)


def test_an_unreachable_broker_is_reported_once_and_tried_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.bridge.slot.LONGEST_PAUSE_S", 0.05)
    bridge = bridge_to(f"mqtt://127.0.0.1:{free_port()}")
    bridge.step()
    slot, attempts = bridge.slots[0], set[int]()

    def has_tried_four_times() -> bool:
        if slot._dial is not None:
            attempts.add(id(slot._dial))
            kept.append(slot._dial)
        return len(attempts) >= 4

    kept: list[Dial] = []  # so that no two have the same identity
    step_until(bridge, has_tried_four_times)
    assert len([message for message in caplog.messages if "cannot reach" in message]) == 1


def test_a_refused_connection_is_reported_with_the_broker_s_reason(
    script: Callable[..., ScriptedBroker], caplog: pytest.LogCaptureFixture
) -> None:
    broker = script(connack(reason=0x87))
    bridge = bridge_to(broker.url)
    step_until(bridge, lambda: broker.connections >= 2)
    assert "the broker refused it: Not authorized" in caplog.text


def test_a_refused_subscription_is_reported_by_name_and_the_others_are_kept(
    script: Callable[..., ScriptedBroker], caplog: pytest.LogCaptureFixture
) -> None:
    bridge = bridge_to(script(connack(), suback(1, 1, 0x87, 0)).url, ["a/#", "b/#", "c/#"])
    step_until(bridge, lambda: any(slot.ready for slot in bridge.slots))
    assert "the broker refuses the subscription to $share/slot/b/#: Not authorized" in caplog.text
    assert "grants only QoS 0 to $share/slot/c/#" in caplog.text
    assert "$share/slot/a/#" not in caplog.text


def test_when_every_subscription_is_refused_it_keeps_trying(
    script: Callable[..., ScriptedBroker], caplog: pytest.LogCaptureFixture
) -> None:
    broker = script(connack(), suback(1, 0x9E))
    bridge = bridge_to(broker.url)
    step_until(bridge, lambda: broker.connections >= 2)
    assert "Shared subscription not supported. One bridge with one slot can do without: MQTT_SHARED" in caplog.text
    assert not bridge.slots[0].ready


@pytest.mark.parametrize("answers", [(), (connack(),)], ids=["no CONNACK", "no SUBACK"])
def test_a_broker_that_does_not_answer_is_given_up_and_tried_again(
    script: Callable[..., ScriptedBroker], answers: tuple[bytes, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.bridge.slot.HANDSHAKE_S", 0.2)
    broker = script(*answers)
    bridge = bridge_to(broker.url)
    step_until(bridge, lambda: broker.connections >= 2)


def test_a_broker_that_speaks_something_else_is_given_up_and_tried_again(
    script: Callable[..., ScriptedBroker], caplog: pytest.LogCaptureFixture
) -> None:
    broker = script(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"x" * 90)
    bridge = bridge_to(broker.url)
    step_until(bridge, lambda: broker.connections >= 2)
    assert not bridge.slots[0].ready


def test_a_dead_address_does_not_hold_up_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = threading.Event()

    def hangs(broker: Broker) -> socket.socket:
        waiting.wait(5)
        raise OSError("timed out")

    monkeypatch.setattr("ingest.broker.open_socket", hangs)
    bridge = bridge_to("mqtt://192.0.2.1")
    began = time.monotonic()
    step_for(bridge, 0.3)
    waiting.set()
    assert time.monotonic() - began < 1


def certificate_for(folder: Path, *names: str) -> None:
    """Write a key and a certificate that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    addresses = [x509.IPAddress(ipaddress.ip_address(item)) for item in names if item[0].isdigit()]
    hosts = [x509.DNSName(item) for item in names if not item[0].isdigit()]
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - datetime.timedelta(1)).not_valid_after(now + datetime.timedelta(1))
    builder = builder.add_extension(x509.SubjectAlternativeName([*addresses, *hosts]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    (folder / "cert.pem").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    unprotected = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, unprotected))


@needs_mosquitto
def test_it_works_over_tls_and_refuses_a_certificate_of_another_host(
    mosquitto: Mosquitto, start_valkey: Callable[[], Valkey], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mosquitto.stop()
    certificate_for(tmp_path, "127.0.0.1")
    secure = free_port()
    mosquitto.options += (
        f"listener {secure} 127.0.0.1\ncertfile {tmp_path}/cert.pem\nkeyfile {tmp_path}/key.pem\nallow_anonymous true\n"
    )
    mosquitto.start()
    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        open_socket(Broker("127.0.0.1", secure, True, None, None))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        open_socket(Broker("localhost", secure, True, None, None))

    plain, server = Bench(mosquitto.url, shared=True), start_valkey()
    tls = Bench(f"mqtts://127.0.0.1:{secure}", shared=True)
    tls.name = plain.name
    bridge = tls.bridge(ring_of(server.url))
    sent = [b"%d" % n + b"x" * size for n, size in enumerate((0, 16_384, 300_000, 5, 1_000_000))] + [b"y"] * 500
    plain.publish(sent)
    step_until(bridge, lambda: bridge.counters.acked == len(sent))
    assert payloads_in(server.url) == sent
