"""What processes under test find on their path when they start: their links, and what is broken in them on purpose.

Python imports a module of this name at each start. The product knows nothing of it: the folder is on PYTHONPATH of a
stack that the fault tests start, and of nothing else. The folder in CHAOS_FOLDER says what to do:

    links.json        the settings that differ, by kind of process: each kind reaches each server by a link of its own
    detours.json      the ports of the buffers and those of the links there, by kind of process
    hold/NAME         a process of this name waits before it starts, as long as the file is there
    clock             seconds by which the clocks of the processes are wrong
    CHAOS_CONTROLS    (environment) names of modules of this folder, each of which breaks one rule of the product: its
                      `change` gets the module of the product that its `TARGET` names, as soon as that is imported

Standard library only, and nothing here may import the product: it runs before the product's settings are read.
"""

from __future__ import annotations

import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

KINDS = (("run_bridge", "bridge"), ("worker", "worker"), ("beat", "scheduler"), ("daphne", "site"))
NAMED_BY = {"bridge": "--name", "worker": "-n"}


def role() -> tuple[str, str]:
    """Return kind and name of this process by its command line; empty when it is none of the stack's."""
    line = sys.orig_argv
    kind = next((kind for mark, kind in KINDS if mark in line), "")
    option = NAMED_BY.get(kind, "")
    name = line[line.index(option) + 1].partition("@")[0] if option in line else kind
    return kind, name


def lead_aside(ports: Mapping[int, int]) -> None:
    """Dial a link's port of this machine wherever this process means to dial a port that has one."""
    connect = socket.socket.connect

    def connect_by_link(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[1] in ports:
            address = (address[0], ports[address[1]], *address[2:])
        connect(self, address)

    socket.socket.connect = connect_by_link  # type: ignore[assignment,method-assign]


def prepare(folder: Path) -> None:
    """Wait while this process is held, give it its links, and break what is to be broken."""
    kind, name = role()
    while kind and (folder / "hold" / name).exists():
        time.sleep(0.05)
    links = folder / "links.json"
    if kind and links.exists():
        os.environ.update(json.loads(links.read_text())[kind])
    detours = folder / "detours.json"
    if kind and detours.exists():
        lead_aside({int(port): int(link) for port, link in json.loads(detours.read_text())[kind].items()})
    controls = os.environ.get("CHAOS_CONTROLS", "").split()
    if kind and (folder / "clock").exists():
        controls.append("wrong_clock")
    when_imported = importlib.import_module("patching").when_imported
    for control in map(importlib.import_module, controls):
        when_imported(control.TARGET, control.change)


if "CHAOS_FOLDER" in os.environ:
    prepare(Path(os.environ["CHAOS_FOLDER"]))
