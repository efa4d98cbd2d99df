"""The supervisor with small programs in place of the real ones: restarts, order, force."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from dataflow.embedded.output import Output
from dataflow.embedded.process import Child
from dataflow.embedded.program import Program, SignOfLife
from dataflow.embedded.supervisor import Stage, StepFailed, Supervisor

# Prints its name, then notes the signal it is sent, and ends after a while. Its own child sleeps in the same group.
POLITE = """
import os, signal, subprocess, sys, time
child = subprocess.Popen(["sleep", "1000"])
print("started", os.getpid(), child.pid, flush=True)
def end(number, frame):
    time.sleep(float(sys.argv[2]))
    with open(sys.argv[1], "a") as notes: notes.write(sys.argv[3] + " ")
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
while True: time.sleep(0.05)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('started', flush=True); time.sleep(1000)"
)


def python(name: str, code: str, *arguments: str, stop_seconds: float = 5.0) -> Program:
    return Program(name=name, argv=(sys.executable, "-c", code, *arguments), stop_seconds=stop_seconds)


def polite(name: str, notes: Path, seconds: float = 0.0) -> Program:
    return python(name, POLITE, str(notes), str(seconds), name)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # the second where it ends between open and read
        return False


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


@asynccontextmanager
async def running(program: Program) -> AsyncIterator[tuple[Child, io.StringIO]]:
    screen = io.StringIO()
    child = Child(program, Output(screen))
    await child.start()
    try:
        await until(lambda: "started" in screen.getvalue())
        yield child, screen
    finally:
        await child.stop()


def pids(screen: io.StringIO) -> list[list[int]]:
    """Return the process ids that POLITE has printed: itself and its child, once per start."""
    lines = [line for line in screen.getvalue().splitlines() if "started" in line]
    return [[int(word) for word in line.split()[-2:]] for line in lines]


async def test_a_killed_child_is_started_again_and_leaves_nothing_of_its_group(tmp_path: Path) -> None:
    async with running(polite("worker", tmp_path / "notes")) as (child, screen):
        (leader, grandchild), *_ = pids(screen)
        os.kill(leader, signal.SIGKILL)
        await until(lambda: len(pids(screen)) == 2)
        assert not alive(grandchild)
        assert child.pid == pids(screen)[1][0]
        assert "ended (signal SIGKILL); starting it again in 0.2 s" in screen.getvalue()
    await until(lambda: not any(alive(pid) for pair in pids(screen) for pid in pair))


async def test_restarts_in_a_row_come_ever_more_slowly() -> None:
    screen = io.StringIO()
    child = Child(python("broken", "raise SystemExit(7)"), Output(screen))
    await child.start()
    await until(lambda: child.restarts >= 3)
    await child.stop()
    pauses = [line.split()[-2] for line in screen.getvalue().splitlines() if "starting it again" in line]
    assert pauses[:3] == ["0.2", "0.4", "0.8"]
    assert "ended (status 7)" in screen.getvalue()


# Touches a file ten times a second, and prints when it was started.
BUSY = """
import pathlib, sys, time
print("started", flush=True)
while True:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(0.1)
"""


async def test_a_child_that_stands_still_is_started_again_when_there_is_work_for_it(tmp_path: Path) -> None:
    work = [False]
    sign = SignOfLife(file=tmp_path / "sign", patience_s=0.8, has_work=lambda: work[0])
    program = replace(python("worker", BUSY, str(sign.file)), sign_of_life=sign)
    async with running(program) as (child, screen):
        await asyncio.sleep(1.5)
        assert child.restarts == 0, "it shows that it works"
        child.signal(signal.SIGSTOP)
        await asyncio.sleep(1.5)
        assert child.restarts == 0, "nothing is to be done"
        work[0] = True
        await until(lambda: screen.getvalue().count("started") == 2)
        assert "did nothing for 0.8 s although there is work: killed" in screen.getvalue()
        child.signal(signal.SIGSTOP)  # and it can be stopped in this state, in order
        work[0] = False


async def test_a_child_that_ignores_its_signal_is_killed_after_its_time() -> None:
    async with running(python("stubborn", STUBBORN, stop_seconds=0.3)) as (child, screen):
        began = time.monotonic()
        await child.stop()
        assert time.monotonic() - began < 3
        assert child.pid is None
        assert "still there after 0.3 s: killed" in screen.getvalue()


async def test_stages_stop_in_the_order_in_which_data_flows(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    screen = io.StringIO()
    supervisor = Supervisor(Output(screen))
    for stage in reversed(Stage):
        await supervisor.start(stage, polite(stage.name.lower(), notes, seconds=0.1))
    await until(lambda: screen.getvalue().count("started") == len(Stage))
    before: list[Stage] = []

    async def note(stage: Stage) -> None:
        before.append(stage)

    await supervisor.stop(note)
    assert notes.read_text().split() == ["simulators", "bridges", "workers", "scheduler", "site", "services"]
    assert before == list(Stage)


async def test_kill_ends_everything_at_once(tmp_path: Path) -> None:
    screen = io.StringIO()
    supervisor = Supervisor(Output(screen))
    await supervisor.start(Stage.WORKERS, polite("worker", tmp_path / "notes", seconds=100))
    await until(lambda: "started" in screen.getvalue())
    supervisor.kill()
    await until(lambda: not any(alive(pid) for pid in pids(screen)[0]))

    async def nothing(stage: Stage) -> None:
        """Wait for nothing before a stage."""

    await supervisor.stop(nothing)


async def test_a_step_that_fails_is_an_error_that_names_it() -> None:
    screen = io.StringIO()
    supervisor = Supervisor(Output(screen))
    await supervisor.run(python("fine", "print('done')"))
    with pytest.raises(StepFailed, match=r"migrate failed \(status 3\)"):
        await supervisor.run(python("migrate", "import sys; print('no such table'); sys.exit(3)"))
    assert "fine       | done" in screen.getvalue()
    assert "migrate    | no such table" in screen.getvalue()


def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from dataflow.embedded.output import Output
from dataflow.embedded.process import Child
from dataflow.embedded.program import Program, SignOfLife
async def main():
    program = Program(name="child", argv=({sys.executable!r}, "-c", {POLITE!r}, "notes", "0", "child"))
    await Child(program, Output(sys.stdout)).start()
    await asyncio.sleep(1000)
asyncio.run(main())
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline().split()[-2])
    assert alive(child)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not alive(child)


async def test_output_is_whole_lines_behind_names_without_control_characters() -> None:
    screen = io.StringIO()
    output = Output(screen, width=6)
    reader = asyncio.StreamReader()
    reader.feed_data(b"one\ntw")
    reader.feed_data(b"o\x1b[2J\x07\nbad \xff\n" + b"x" * 20_000 + b"\nlast")
    reader.feed_eof()
    await output.relay("child", reader)
    lines = screen.getvalue().splitlines()
    assert lines[:3] == ["child  | one", "child  | two", "child  | bad �"]
    assert lines[-1] == "child  | last"
    assert max(map(len, lines)) < 70_000


def test_output_survives_a_terminal_that_is_gone() -> None:
    stream = io.StringIO()
    output = Output(stream)
    stream.close()
    output.say("nobody reads this")
    assert output.lines_dropped == 1
