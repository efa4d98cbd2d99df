"""The brokers' configurations under deploy/ are what `manage.py broker_config` writes, and keep what they promise."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from dataflow.brokers.sizing import Demand
from dataflow.embedded.ports import Ports
from ingest.bridge.client import RECEIVE_MAXIMUM, SESSION_EXPIRY_S
from ingest.bridge.packets import MAX_PACKET_BYTES
from tests.debian import PATH

DEPLOY = Path(__file__).parents[1] / "deploy"
FILES = {"mosquitto": DEPLOY / "mosquitto" / "mosquitto.conf", "emqx": DEPLOY / "emqx" / "emqx.conf"}


def written(*arguments: str) -> str:
    out = StringIO()
    call_command("broker_config", *arguments, stdout=out)
    return out.getvalue()


def mosquitto_settings(content: str) -> dict[str, str]:
    lines = [line for line in content.splitlines() if line and not line.startswith("#")]
    return dict(line.split(" ", 1) for line in lines)


@pytest.mark.parametrize("broker", FILES)
def test_the_files_under_deploy_are_what_the_command_writes(broker: str) -> None:
    assert FILES[broker].read_text() == written(broker)


@pytest.mark.parametrize("broker", FILES)
def test_the_first_lines_say_how_to_write_the_file_again(broker: str) -> None:
    asked = written(broker, "--rate", "2.5", "--outage", "86400", "--devices", "50")
    again = re.search(rf"^#   manage\.py broker_config {broker} (.*)$", asked, re.MULTILINE)
    assert again is not None
    assert written(broker, *again[1].split()) == asked


def test_queues_hold_the_rate_for_as_long_as_the_outage() -> None:
    found = mosquitto_settings(written("mosquitto", "--rate", "1000", "--outage", "3600"))
    assert int(found["max_queued_messages"]) == 3_600_000
    assert int(found["max_queued_bytes"]) >= 5 * 3_600_000 * 100
    # A longer queue takes longer to save, and saving must not become all that the broker does.
    assert int(found["autosave_interval"]) == 36
    assert hocon(written("emqx", "--rate", "1000", "--outage", "3600"))["mqtt.max_mqueue_len"] == "3600000"


def test_the_window_and_the_packets_are_those_of_the_bridge() -> None:
    found = mosquitto_settings(written("mosquitto"))
    assert int(found["max_inflight_messages"]) == RECEIVE_MAXIMUM
    assert int(found["max_packet_size"]) <= MAX_PACKET_BYTES
    assert found["persistent_client_expiration"] == "30d"
    assert SESSION_EXPIRY_S < 30 * 86_400


@pytest.mark.parametrize(
    "arguments", [("--rate", "0"), ("--outage", "-1"), ("--packet", "99999999"), ("--rate", "1e6", "--outage", "1e6")]
)
def test_what_no_broker_can_do_is_refused(arguments: tuple[str, str]) -> None:
    with pytest.raises(CommandError) as refused:
        written("mosquitto", *arguments)
    assert refused.value.returncode == 2


def test_the_file_is_written_where_it_is_asked_for(tmp_path: Path) -> None:
    assert written("emqx", "--out", str(tmp_path / "emqx.conf")) == ""
    assert (tmp_path / "emqx.conf").read_text() == FILES["emqx"].read_text()


# --- EMQX: no program at hand to ask, so its names and its form only -------------------------------------------------

# The names as EMQX's schema has them (5.8 to 6), and what their values look like.
SIZE, TIME, FLAG, COUNT = r"\d+(KB|MB|GB)", r"\d+(s|m|h|d)", "true|false", r"\d+"
EMQX_NAMES = {
    "durable_sessions.enable": FLAG,
    "durable_sessions.message_retention_period": TIME,
    "mqtt.session_expiry_interval": TIME,
    "mqtt.max_mqueue_len": COUNT,
    "mqtt.mqueue_store_qos0": FLAG,
    "mqtt.max_inflight": COUNT,
    "mqtt.max_packet_size": SIZE,
    "force_shutdown.enable": FLAG,
    "force_shutdown.max_mailbox_size": COUNT,
    "force_shutdown.max_heap_size": SIZE,
    "listeners.tcp.default.bind": r'"0\.0\.0\.0:1883"',
    "listeners.tcp.default.max_connections": COUNT,
    "sys_topics.sys_msg_interval": TIME,
}


def hocon(content: str) -> dict[str, str]:
    """Read the part of HOCON that is used: blocks, `name = value`, comments. Anything else is an error."""
    found: dict[str, str] = {}
    blocks: list[str] = []
    for line in filter(None, (line.strip() for line in content.splitlines())):
        if line.startswith("#"):
            continue
        if line == "}":
            blocks.pop()
        elif opened := re.fullmatch(r"([a-z_.]+) \{", line):
            blocks.append(opened[1])
        else:
            named = re.fullmatch(r"([a-z_.0-9]+) = (\S+)", line)
            assert named, line
            found[".".join([*blocks, named[1]])] = named[2]
    assert blocks == []
    return found


def test_the_file_for_emqx_has_the_names_and_the_form_that_emqx_knows() -> None:
    found = hocon(FILES["emqx"].read_text())
    assert found.keys() == EMQX_NAMES.keys()
    assert [name for name, value in found.items() if not re.fullmatch(EMQX_NAMES[name], value)] == []
    # With its defaults EMQX ends a session whose memory grows beyond 32 MB, long before such a queue is full.
    assert int(found["force_shutdown.max_heap_size"].removesuffix("MB")) * 1024**2 > Demand().messages * 1000


# --- Mosquitto: Debian's own -----------------------------------------------------------------------------------------


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """Mosquitto with the file under deploy/, on another port and in another folder."""
    program = shutil.which("mosquitto", path=PATH)
    if program is None:
        pytest.skip("not installed: mosquitto (apt-get install mosquitto)")
    port = Ports(anywhere=True).take(0)
    content = FILES["mosquitto"].read_text().replace("listener 1883", f"listener {port} 127.0.0.1")
    content = content.replace("/mosquitto/data", str(tmp_path)).replace("allow_anonymous false", "allow_anonymous true")
    configuration, log = tmp_path / "mosquitto.conf", tmp_path / "log"
    configuration.write_text(f"{content}\nuser root\n")
    with log.open("w") as output:
        process = subprocess.Popen([program, "-c", str(configuration)], stdout=output, stderr=output, text=True)
    yield process, port, log
    process.terminate()
    process.wait(20)


def test_debians_mosquitto_takes_every_line(mosquitto: tuple[subprocess.Popen[Any], int, Path]) -> None:
    process, port, log = mosquitto
    publish = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(port), "-V", "5", "-t", "a", "-m", "1", "-q", "1"]
    deadline = time.monotonic() + 20
    while subprocess.run(publish, capture_output=True, check=False).returncode:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    said = [line for line in log.read_text().splitlines() if "Error" in line or "Unknown" in line or "Warning" in line]
    assert [line for line in said if "should not be run as root" not in line] == []
