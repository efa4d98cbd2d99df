"""The stack's lock and file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dataflow.lib.env import Environment
from dataflow.stack import Stack, StackRuns

said: list[str] = []


def test_one_folder_has_one_stack(tmp_path: Path) -> None:
    first = Stack(tmp_path)
    first.acquire(said.append)
    with pytest.raises(StackRuns, match=f"process {os.getpid()}"):
        Stack(tmp_path).acquire(said.append)
    first.release()
    second = Stack(tmp_path)
    second.acquire(said.append)
    second.release()


def test_a_stack_waits_for_what_a_killed_one_left_behind(tmp_path: Path) -> None:
    code = (
        "import os, subprocess, sys; from pathlib import Path; from dataflow.stack import Stack;"
        f"stack = Stack(Path({str(tmp_path)!r})); stack.acquire(print);"
        "subprocess.Popen(['sleep', '1'], pass_fds=[stack.lock]); os._exit(1)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], check=False)
    told: list[str] = []
    stack = Stack(tmp_path)
    stack.acquire(told.append)
    stack.release()
    assert told == ["An earlier run was killed; waiting until its services have ended."]


def test_the_file_is_private_and_is_read_after_the_environment(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.publish({"REDIS_URL": "redis://:pass%23word@127.0.0.1:1/0", "BUFFER_URLS": "redis://a,redis://b"})
    assert (tmp_path / "stack.env").stat().st_mode & 0o777 == 0o600
    env = Environment({"BUFFER_URLS": "redis://mine"}, stack.last())
    assert env.find("REDIS_URL") == "redis://:pass%23word@127.0.0.1:1/0"
    assert env.find("BUFFER_URLS") == "redis://mine"


def test_a_stopped_stack_is_found_by_nobody_but_the_next_one(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.publish({"SITE_URL": "http://127.0.0.1:8000"})
    stack.retire()
    stack.retire()
    assert not (tmp_path / "stack.env").exists()
    assert stack.last() == {"SITE_URL": "http://127.0.0.1:8000"}
