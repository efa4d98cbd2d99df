"""`mqtts://`: certificate and host name are verified."""

from __future__ import annotations

import datetime
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulators import fleet
from simulators.fleet import Outcome
from simulators.tests.conftest import Watch
from simulators.tests.mosquitto import Mosquitto, free_port, running_mosquitto
from simulators.tests.running import Run, plan_of
from simulators.tests.witness import wait_until

KEY_PEM = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


def self_signed(folder: Path, host: str) -> tuple[Path, Path]:
    """Write a certificate that vouches for itself and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / f"{host}.pem", folder / f"{host}.key"
    certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(key.private_bytes(*KEY_PEM))
    return certificate_file, key_file


@pytest.fixture
def plain_port() -> int:
    """The port on which the same broker listens without TLS."""
    return free_port()


@pytest.fixture(params=["localhost"])
def secure(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_port: int
) -> Iterator[Mosquitto]:
    """A broker whose certificate names the host of the parameter, and which this process trusts."""
    certificate, key = self_signed(tmp_path, request.param)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr(fleet, "STUCK_S", 1.0)
    lines = ("allow_anonymous true", f"certfile {certificate}", f"keyfile {key}", f"listener {plain_port} 127.0.0.1")
    with running_mosquitto(tmp_path, *lines) as broker:
        # Mosquitto opens one listener after the other.
        wait_until(lambda: answers(plain_port))
        yield broker


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def run(broker: Mosquitto, folder: Path) -> Outcome:
    url = f"mqtts://localhost:{broker.port}"
    return Run(plan_of(url, folder / "outbox", only="vehicle_01", rate=20, duration=0.5)).outcome()


def test_readings_arrive_over_tls(secure: Mosquitto, tmp_path: Path, watch: Watch, plain_port: int) -> None:
    witness = watch(f"mqtt://127.0.0.1:{plain_port}")
    counts = run(secure, tmp_path).counts["vehicle_01"]
    assert (counts.made, counts.acknowledged) == (10, 10)
    wait_until(lambda: witness.sequence("vehicle_01") == list(range(1, 11)))


@pytest.mark.parametrize("secure", ["elsewhere.example"], indirect=True)
def test_a_certificate_for_another_host_is_refused(
    secure: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outcome = run(secure, tmp_path)
    assert not outcome.connected
    assert outcome.counts["vehicle_01"].queued == 10
    assert "certificate is not valid for 'localhost'" in caplog.text


def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure: Mosquitto, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    assert not run(secure, tmp_path).connected
    assert "certificate verify failed" in caplog.text
