"""How much faster and cheaper is the platform than a collector with one INSERT a message?

Both are measured in one session. The collector (`dataflow.bench.collector`) does nothing else: no validation, no
de-duplication, no books. It has a table of its own, which is dropped at the end.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dataflow.bench import throughput
from dataflow.bench.beside import Collector
from dataflow.bench.collector import CREATE, TABLE
from dataflow.bench.throughput import Options

LESS = 5  # times fewer readings than the platform gets: each takes it that much longer
COLLECTOR = Collector((sys.executable, "-m", "dataflow.bench.collector"), TABLE, CREATE)


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure the platform, then the collector; return both and the ratios. Blocks until every reading is stored."""
    ours = throughput.measure(options, say)
    count = max(1, options.count // LESS)
    say(f"a collector that inserts one by one: {count:,} readings")
    theirs = COLLECTOR.measure(replace(options, count=count))
    return compared("naive", ours, theirs, say)


def compared(name: str, ours: dict[str, Any], theirs: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Return the report of a comparison: how much faster the platform is, and how much cheaper a reading."""
    times_faster = ours["readings_per_second"] / theirs["readings_per_second"]
    times_cheaper = theirs["cpu_us_per_reading_ours"] / ours["cpu_us_per_reading_ours"]
    say(f"{times_faster:.2f} times as many readings a second, each for 1/{times_cheaper:.2f} of the processor time")
    return {
        "benchmark": name,
        "platform": ours,
        "collector": theirs,
        "times_faster": round(times_faster, 2),
        "times_cheaper": round(times_cheaper, 2),
        "share_of_processor_time": round(1 / times_cheaper, 3),
        "ledger": ours["ledger"],
    }
