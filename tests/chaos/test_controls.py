"""What is broken on purpose exists in the product, and the faults and controls name each other rightly."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.chaos import families
from tests.chaos.control_runs import CONTROLS
from tests.chaos.ground import CONTROLS as FOLDER
from tests.chaos.registry import all_faults, chosen
from tests.project import BASE

assert families
MODULES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("sitecustomize", "patching"))


def python(code: str, folder: Path, *arguments: str, **more: str) -> str:
    """Run some code as a process of the stack that has these arguments, and return what it prints."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    env |= {"PYTHONPATH": str(FOLDER), "CHAOS_FOLDER": str(folder)} | more
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=env, cwd=BASE, capture_output=True, text=True, check=True, timeout=30).stdout


def test_each_control_changes_what_it_means_to_change(tmp_path: Path) -> None:
    changed = {
        "ack_before_append": "ingest.bridge.delivery:Delivery.bring",
        "clean_start": "ingest.bridge.client:BridgeClient.connect_async",
        "deadly": "validation.writing:judge",
        "no_deduplication": "validation.tables:_create_table",
        "xack_before_commit": "validation.drain:Drain._finish",
    }
    assert sorted(changed) == [name for name in MODULES if name != "wrong_clock"]
    code = """
import sys, importlib, operator, django
django.setup()
for target in sys.argv[1:]:
    module, _, name = target.partition(":")
    print(operator.attrgetter(name)(importlib.import_module(module)).__module__)
"""
    assert python(code, tmp_path, *changed.values(), CHAOS_CONTROLS=" ".join(changed)).split() == list(changed)


def test_a_process_can_have_a_wrong_clock(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("-300")
    code = "import time; from django.utils import timezone; print(time.time(), timezone.now().timestamp())"
    shown = [float(text) for text in python(code, tmp_path, "celery", "beat").split()]
    assert all(-301 < moment - time.time() < -290 for moment in shown)


def test_a_process_reaches_each_server_by_the_links_of_its_kind(tmp_path: Path) -> None:
    links = {kind: {"MQTT_URL": f"mqtt://{kind}"} for kind in ("bridge", "worker", "scheduler", "site")}
    (tmp_path / "links.json").write_text(json.dumps(links))
    code = "import os; print(os.environ.get('MQTT_URL'))"
    assert python(code, tmp_path, "run_bridge", "--name", "bridge-1", MQTT_URL="direct").strip() == "mqtt://bridge"
    assert python(code, tmp_path, "celery", "worker", "-n", "worker-0@%h").strip() == "mqtt://worker"
    assert python(code, tmp_path, "audit", MQTT_URL="direct").strip() == "direct"


def test_a_process_that_dials_a_buffer_is_led_to_the_link_of_its_kind(tmp_path: Path) -> None:
    code = "import socket; print(socket.create_connection(('127.0.0.1', 1)).recv(5).decode())"
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        (tmp_path / "detours.json").write_text(json.dumps({"bridge": {"1": port}, "worker": {"1": 2}}))
        answer = threading.Thread(target=lambda: server.accept()[0].sendall(b"hello"), daemon=True)
        answer.start()
        assert python(code, tmp_path, "run_bridge", "--name", "bridge-1").strip() == "hello"


def test_every_control_names_a_fault() -> None:
    for control in CONTROLS:
        assert control.fault in [fault.id for fault in chosen([control.fault])]


def test_names_of_faults_are_sorted_and_choose_what_begins_with_them() -> None:
    names = [fault.id for fault in all_faults()]
    assert names.index("F2") < names.index("F10-bridge")
    assert {fault.id for fault in chosen(["F7"])} == {"F7-all", "F7-bridge", "F7-buffer", "F7-queue"}
    with pytest.raises(KeyError):
        chosen(["F99"])
