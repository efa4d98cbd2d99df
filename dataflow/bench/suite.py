"""All benchmarks, one after the other, on a stack of their own: what `make bench` runs.

Writes one JSON file and docs/performance.md. A run of some of them keeps the newest figures of the others, if they are
of the same machine.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis

from dataflow.bench.ground import mosquitto_program, own_stack, refuse_services_of_others
from dataflow.bench.page import page
from dataflow.bench.throughput import BenchFailed
from dataflow.embedded.program import Program
from dataflow.lib.env import STACK_FILE, read_env_file

PAGE = Path("docs") / "performance.md"
EMBEDDED = "the embedded one, because Mosquitto is not installed"
STEP_S = 1_200.0  # after which a benchmark of the usual size is given up
ROWS_A_SECOND = 10_000  # at least, of a table that is filled and rolled up
ROLLUPS_S = 120.0  # that a benchmark waits for the rollups of those before it
ROLLUPS_LEFT = "SELECT count(*) FROM validation_rollupmark WHERE due < extract(epoch FROM now()) / 60"
LARGER = {"minutes": {"soak"}, "rows": {"history", "transfer"}}  # which option makes which benchmarks larger
ASKED_FOR = {"rivals"}  # that run only when they are named: what they need is large


@dataclass(frozen=True, slots=True)
class Step:
    """One benchmark with its options; `key` names it in the JSON. `embedded` runs on the embedded broker's stack."""

    key: str
    arguments: tuple[str, ...]
    embedded: bool = False
    patience_s: float = STEP_S

    @property
    def benchmark(self) -> str:
        """Return the name of the benchmark."""
        return self.arguments[0]

    @property
    def command(self) -> str:
        """Return the command line, as people type it."""
        return " ".join(("manage.py bench", *self.arguments))


def step(key: str, arguments: str, *, embedded: bool = False) -> Step:
    """Return a step from its command line."""
    return Step(key, tuple(arguments.split()), embedded)


# What fills the tables with many devices or models comes late, so that what comes before does not depend on it.
STEPS = (
    step("throughput", "throughput --count 400000 --runs 5"),
    step("throughput-arrays", "throughput --per-message 50 --count 800000 --runs 5"),
    step("naive", "naive --count 100000"),
    step("rivals", "rivals --count 400000 --runs 3"),
    step("latency", "latency"),
    step("fanout", "fanout"),
    step("recovery", "recovery"),
    step("overload", "overload"),
    step("soak", "soak"),
    step("publishing", "publishing"),
    step("replay", "replay"),
    step("history", "history"),
    step("transfer", "transfer"),
    step("throughput-devices", "throughput --devices 10000 --count 400000 --runs 3"),
    step("models", "models --count 200000"),
    step("throughput-embedded", "throughput --count 100000 --runs 5", embedded=True),
)


def chosen(names: Collection[str], benchmarks: Collection[str]) -> list[Step]:
    """Return the steps whose key or benchmark is among the names, all without names; raise BenchFailed for others.

    `benchmarks` are those that the command has. One that no step is for is a step as it is, at its default size.
    """
    known = {one.benchmark for one in STEPS}
    there = [one for one in STEPS if one.benchmark in benchmarks]
    steps = [*there[:-1], *(step(name, name) for name in benchmarks if name not in known), there[-1]]
    words = {word for one in steps for word in (one.key, one.benchmark)}
    if strange := sorted(set(names) - words):
        raise BenchFailed(f"There is no benchmark {strange[0]}. There are: {', '.join(sorted(words))}.")
    if not names:
        return [one for one in steps if one.benchmark not in ASKED_FOR]
    return [one for one in steps if one.key in names or one.benchmark in names]


def larger(one: Step, sizes: Mapping[str, float]) -> Step:
    """Return the step with those of the sizes that its benchmark has, and with the patience that they need."""
    mine = {name: size for name, size in sizes.items() if one.benchmark in LARGER[name]}
    arguments = [word for name, size in mine.items() for word in (f"--{name}", f"{size:.12g}")]
    patience_s = STEP_S + 60 * mine.get("minutes", 0) + mine.get("rows", 0) / ROWS_A_SECOND
    return replace(one, arguments=(*one.arguments, *arguments), patience_s=patience_s)


def run(base: Path, folder: Path, steps: list[Step], say: Callable[[str], None]) -> dict[str, Any]:
    """Run the steps and write what they found; return it. Blocks for minutes, and stops all it started at the end."""
    refuse_services_of_others(base)
    folder.mkdir(parents=True, exist_ok=True)
    embedded_only = mosquitto_program() is None
    if embedded_only:
        say("Mosquitto is not installed: everything runs on the embedded broker, which takes less")
    document: dict[str, Any] = {"at": _now(), "machine": _machine(), "versions": {}, "steps": []}
    document["broker"] = EMBEDDED if embedded_only else "Mosquitto, unless said otherwise"
    for embedded in (False, True):
        group = [one for one in steps if one.embedded == embedded]
        if not group:
            continue
        say(f"starting a stack on {'the embedded broker' if embedded or embedded_only else 'Mosquitto'}")
        with own_stack(base, folder / "stack", embedded_broker=embedded or embedded_only) as environment:
            document["versions"] |= _versions(environment, embedded=embedded or embedded_only)
            for one in group:
                wait_for_rollups(environment, say)
                document["steps"].append(_run(base, one, environment, say))
    return document


def wait_for_rollups(environment: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Block until what earlier benchmarks have left to roll up is done, so that the next one does not pay for it."""
    deadline = time.monotonic() + ROLLUPS_S
    settings = read_env_file(Path(environment["DATA_DIR"]) / STACK_FILE)
    with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as database:
        while database.execute(ROLLUPS_LEFT).fetchone() != (0,):
            if time.monotonic() > deadline:
                say(f"rollups of earlier benchmarks are not done after {ROLLUPS_S:.0f} s: figures may be worse")
                return
            time.sleep(1)


def write(base: Path, folder: Path, document: dict[str, Any]) -> Path:
    """Write the JSON and the page; return the JSON's path. Figures that were not measured now are the newest ones."""
    known = {one["key"] for one in document["steps"]}
    for earlier in sorted(folder.glob("*.json"), reverse=True):
        before = json.loads(earlier.read_text())
        if before["machine"] == document["machine"]:
            document["steps"] += [one for one in before["steps"] if one["key"] not in known]
            document["versions"] = before["versions"] | document["versions"]
            break
    keys = [one.key for one in STEPS]
    document["steps"].sort(key=lambda one: keys.index(one["key"]) if one["key"] in keys else len(keys))
    _compare(document["steps"])
    path = folder / f"{document['at'].replace(':', '')}.json"
    path.write_text(json.dumps(document, indent=1))
    # Where DATA_DIR is elsewhere, that is nobody's business who reads the page.
    shown = path.relative_to(base) if path.is_relative_to(base) else Path("bench") / path.name
    (base / PAGE).write_text(page(document, str(shown)), encoding="utf-8")
    return path


def _compare(steps: list[dict[str, Any]]) -> None:
    """Add to the throughput of many devices what share of that of ten it is."""
    reports = {one["key"]: one["report"] for one in steps if one.get("report")}
    if {"throughput", "throughput-devices"} <= reports.keys():
        many, few = reports["throughput-devices"], reports["throughput"]
        many["share"] = round(many["readings_per_second"] / few["readings_per_second"], 3)


def _run(base: Path, one: Step, environment: Mapping[str, str], say: Callable[[str], None]) -> dict[str, Any]:
    say(f"--- {one.command}")
    began, at = time.monotonic(), _now()
    argv = (sys.executable, str(base / "manage.py"), "bench", *one.arguments, "--json")
    program = Program(name="bench", argv=argv)  # on a leash: it ends with this process
    process = subprocess.Popen(program.command(), cwd=base, env=dict(environment), stdout=subprocess.PIPE, text=True)
    try:
        out, _ = process.communicate(timeout=one.patience_s)
    except BaseException:
        process.kill()
        process.wait()
        raise
    seconds = round(time.monotonic() - began, 1)
    found: dict[str, Any] = {"key": one.key, "command": one.command, "at": at, "seconds": seconds}
    with suppress(json.JSONDecodeError):
        return found | {"report": json.loads(out), "exit_code": process.returncode}
    return found | {"report": None, "error": f"exit code {process.returncode}, see its messages"}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(terse=True),
    }


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def _versions(environment: Mapping[str, str], *, embedded: bool) -> dict[str, str]:
    """Ask the servers which versions they are."""
    settings = read_env_file(Path(environment["DATA_DIR"]) / STACK_FILE)
    with psycopg.connect(settings["DATABASE_URL"]) as database:
        server = f"{database.info.server_version // 10_000}.{database.info.server_version % 10_000}"
    with redis.Redis.from_url(settings["REDIS_URL"]) as client:
        info: Any = client.info("server")
    found = {"Python": platform.python_version(), "PostgreSQL": server}
    found[str(info.get("server_name", "redis"))] = str(info.get("valkey_version") or info["redis_version"])
    return found if embedded else found | {"Mosquitto": _mosquitto_version()}


def _mosquitto_version() -> str:
    words = subprocess.run([mosquitto_program() or "mosquitto", "-h"], capture_output=True, text=True).stdout.split()
    return words[2] if words[1:2] == ["version"] else "unknown"
