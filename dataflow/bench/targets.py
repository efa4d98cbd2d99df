"""What the benchmarks are to show: the figures of docs/performance.md, each with where it is found and its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Target:
    """One line of the page. `path` leads to the figure in the report of the step; `limit` is None where none is set."""

    step: str
    what: str
    path: str
    unit: str
    limit: float | None = None
    bound: Literal["at least", "at most"] = "at least"

    def figure(self, reports: Mapping[str, Mapping[str, Any]]) -> float | None:
        """Return the figure, or None when its step has not run or could not measure it."""
        found: Any = reports.get(self.step)
        for part in self.path.split("/"):
            if not isinstance(found, Mapping) or part not in found:
                return None
            found = found[part]
        return float(found) if isinstance(found, int | float) else None

    def is_met(self, figure: float | None) -> bool | None:
        """Tell whether a figure is within the limit; None when there is nothing to compare."""
        if figure is None or self.limit is None:
            return None
        return figure >= self.limit if self.bound == "at least" else figure <= self.limit


AT_MOST: Literal["at most"] = "at most"
TARGETS = (
    Target("throughput", "one reading a message", "readings_per_second", "readings/s", 60_000),
    Target("throughput-embedded", "the same on the embedded broker", "readings_per_second", "readings/s"),
    Target("throughput-arrays", "arrays of 50 readings", "readings_per_second", "readings/s", 100_000),
    Target(
        "throughput",
        "processor time of a reading: all but broker and load",
        "cpu_us_per_reading_ours",
        "µs",
        14,
        AT_MOST,
    ),
    Target("throughput-devices", "10,000 devices instead of 10", "share", "of the readings/s", 0.8),
    Target("models", "readings of 200 models instead of one", "share/of_all_models", "of the readings/s", 0.9),
    Target("models", "one model's readings beside 200 others", "share/beside_the_models", "of the readings/s", 0.9),
    Target("naive", "against one INSERT a message: readings", "times_faster", "times as many"),
    Target("naive", "against one INSERT a message: processor time", "times_cheaper", "times less"),
    Target("rivals", "against Pathway: readings", "times_faster", "times as many"),
    Target(
        "rivals",
        "against Pathway: processor time, collector and PostgreSQL",
        "share_of_processor_time",
        "of its",
        0.8,
        AT_MOST,
    ),
    Target("latency", "publish → committed row, p99", "row/p99_ms", "ms", 150, AT_MOST),
    Target("latency", "publish → frame, frames of 1 s, p99", "frame_1000/p99_ms", "ms", 1_100, AT_MOST),
    Target("latency", "publish → frame, frames of 100 ms, p99", "frame_100/p99_ms", "ms", 250, AT_MOST),
    Target("fanout", "frames of 1,000 sockets late, p99", "frames/late/p99_ms", "ms", 500, AT_MOST),
    Target("fanout", "ingest beside 1,000 sockets", "ingest/share", "of that without", 0.9),
    Target("fanout", "site's memory for 10 readers that never read", "never_read/site_grew_mb", "MB", 50, AT_MOST),
    Target("fanout", "frames of 100 others meanwhile late, p99", "never_read/late/p99_ms", "ms", 500, AT_MOST),
    Target("overload", "twice the capacity: readings lost", "lost", "readings", 0, AT_MOST),
    Target("overload", "twice the capacity: backlog drains at", "drain_share_of_capacity", "of the capacity", 0.9),
    Target("recovery", "backlog of an outage of PostgreSQL drains at", "readings_per_second", "readings/s", 60_000),
    Target("soak", "steepest growth of a process", "steepest_mb_per_hour", "MB/h", 1, AT_MOST),
    Target("history", "24 h chart of one device, p95", "chart_of_24_hours_of_a_device/p95_ms", "ms", 50, AT_MOST),
    Target("history", "1 h raw of ten devices, p95", "readings_of_an_hour_of_10_devices/p95_ms", "ms", 50, AT_MOST),
    Target(
        "history", "30 days of 100 devices by hour, p95", "hours_of_30_days_of_100_devices/p95_ms", "ms", 100, AT_MOST
    ),
    Target(
        "history", "newest values of 10,000 devices, p95", "newest_values_of_10000_devices/p95_ms", "ms", 50, AT_MOST
    ),
    Target("history", "insert rate into the full table", "insert/share", "of that into an empty one", 0.9),
    Target("history", "rows of that table", "rows", "rows"),
    Target("history", "bytes a reading of four values, indexes included", "bytes_a_reading", "bytes", 100, AT_MOST),
    Target("transfer", "CSV export", "export_csv/rows_per_second", "rows/s", 200_000),
    Target("transfer", "CSV import", "import_csv/rows_per_second", "rows/s", 40_000),
    Target("replay", "refused readings made good", "records_per_second", "records/s"),
    Target("replay", "live readings beside a replay", "live/share", "of those without"),
    Target("publishing", "a new field locks the table, median", "locked_ms/add/median", "ms"),
)
