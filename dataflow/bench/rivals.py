"""What does a reading cost the platform, and what Pathway, on one machine in one session?

Pathway (pathway.com, written in Rust, licence BSL 1.1) reads MQTT and writes PostgreSQL, with persistence. It is no
part of the platform: the first time it is installed in an environment of its own under DATA_DIR, which takes 1.6 GB.
Both get the same load, in turns. It neither validates nor de-duplicates, its table has no key, and it has no books.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from dataflow.bench import throughput
from dataflow.bench.beside import Collector
from dataflow.bench.collector import TOPIC
from dataflow.bench.figures import median_of
from dataflow.bench.naive import compared
from dataflow.bench.throughput import BenchFailed, Options

VERSION = "0.33.0"
TABLE = "bench_pathway"
# As its documentation wants it: the fields, the time of its own clock and whether a row came or went.
CREATE = f"""
CREATE TABLE {TABLE} (
    "timestamp" double precision, seq bigint, speed double precision, heading double precision,
    latitude double precision, longitude double precision, time bigint, diff smallint)
"""
SCRIPT = Path(__file__).with_name("pathway_collector.py")


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure both; return both and the ratios. Blocks until every reading is stored; the first time it installs."""
    python = _installed(settings.DATA_DIR / "bench" / "pathway", say)
    ours = throughput.measure(options, say)
    theirs = []
    for _ in range(options.runs):
        say(f"Pathway {VERSION}: {options.count:,} readings")
        with tempfile.TemporaryDirectory(prefix="dataflow-pathway-") as folder:
            theirs.append(_collector(python, Path(folder)).measure(options))
    return compared("rivals", ours, median_of(theirs), say) | {"collector_is": f"Pathway {VERSION}"}


def _collector(python: Path, folder: Path) -> Collector:
    argv = (str(python), str(SCRIPT), f"{TOPIC}/+/telemetry", TABLE, str(folder / "state"))
    return Collector(argv, TABLE, CREATE)


def _installed(folder: Path, say: Callable[[str], None]) -> Path:
    python = folder / "bin" / "python"
    if not (folder / ".ready").exists():
        say(f"installing Pathway {VERSION} into {folder}: some minutes")
        for command in (
            [sys.executable, "-m", "venv", "--clear", str(folder)],
            [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"pathway=={VERSION}"],
        ):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise BenchFailed(f"Pathway cannot be installed: {done.stderr.strip()[-1000:]}")
        (folder / ".ready").touch()
    return python
