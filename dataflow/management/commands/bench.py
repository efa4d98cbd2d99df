"""`manage.py bench`: measure the running stack."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import CommandError, CommandParser
from django.db import OperationalError

from dataflow.bench import (
    fanout,
    history,
    latency,
    modelling,
    naive,
    overload,
    publishing,
    recovery,
    replaying,
    rivals,
    soak,
    suite,
    throughput,
    transfer,
)
from dataflow.bench.throughput import BenchFailed, Options
from dataflow.lib.commands import ExplainedCommand

EXAMPLES = """benchmarks:
  throughput   as fast as the stack takes readings; --per-message for arrays, --runs for the median of several
  latency      from a publish to its row, and to a frame at a live socket, beside 5,000 readings a second
  fanout       1,000 live sockets beside 5,000 readings a second, and readers that never read
  recovery     the backlog of an outage of PostgreSQL
  overload     twice the capacity, and what is left to do afterwards
  soak         memory of every process over --minutes
  history      charts out of a table of --rows, in a database of its own, and inserts into it
  naive        the platform against one INSERT a message
  rivals       the platform against Pathway, which it installs beside itself (1.6 GB); `all` runs it only when named
  models       200 models in service, then readings of all of them
  publishing   versions of a model, published beside 10,000 readings a second
  replay       refused readings made good, beside 5,000 live ones a second
  transfer     import a file, export it, import the export
  all          these, or those that are named, on a stack of their own, which is stopped and removed at the end;
               takes --minutes for soak, and --rows for history and transfer;
               writes DATA_DIR/bench/<date>.json and docs/performance.md

examples:
  manage.py bench throughput                        100,000 readings
  manage.py bench throughput --count 400000 --runs 5 --json
  manage.py bench throughput --per-message 50       arrays of 50 readings
  manage.py bench throughput --devices 10000
  manage.py bench latency --rate 5000 --seconds 60
  manage.py bench soak --minutes 60
  manage.py bench all throughput latency            what `make bench BENCH="throughput latency"` runs
  manage.py bench all soak --minutes 60             the same, for an hour
  manage.py bench history --rows 20000000

exit codes: 0 measured and balanced, 1 failed or not balanced, 2 wrong usage, 3 a service cannot be reached,
            130 interrupted
"""
MEASURES: dict[str, Callable[[Options, Callable[[str], None]], dict[str, Any]]] = {
    "throughput": throughput.measure,
    "latency": latency.measure,
    "fanout": fanout.measure,
    "recovery": recovery.measure,
    "overload": overload.measure,
    "soak": soak.measure,
    "history": history.measure,
    "naive": naive.measure,
    "rivals": rivals.measure,
    "models": modelling.measure,
    "publishing": publishing.measure,
    "replay": replaying.measure,
    "transfer": transfer.measure,
}
# What an option is for one benchmark when nobody says, where that differs from what it is for all.
DEFAULTS: dict[str, dict[str, Any]] = {
    "recovery": {"count": 1_000_000},
    "overload": {"count": 400_000, "per_message": 50, "seconds": 60.0},
}
ALL = "all"
INTERRUPTED = 130
SIZES = ("count", "devices", "window", "per_message", "runs", "seconds", "sockets", "minutes", "rows")


class Command(ExplainedCommand):
    """Measure the running stack."""

    help = (
        "Drive the running stack with a load of its own and report what it did. The readings stay, as devices "
        "bench_….\n\n" + EXAMPLES
    )

    requires_system_checks = []  # `all` starts the services that the checks ask for

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the benchmarks and their options."""
        parser.add_argument("benchmark", choices=[*MEASURES, ALL])
        parser.add_argument("names", nargs="*", metavar="NAME", help="benchmarks that `all` is to be limited to")
        parser.add_argument("--count", type=int, help="readings to publish (default 100,000; recovery 1,000,000)")
        parser.add_argument("--devices", type=int, help="devices that they are of (default 10)")
        parser.add_argument("--window", type=int, help="unacknowledged messages at most (default 1,000)")
        parser.add_argument(
            "--rate",
            type=float,
            help="readings a second; 0 is as fast as possible, in latency, fanout and replay 5,000, in publishing "
            "and soak 10,000",
        )
        parser.add_argument("--per-message", type=int, help="readings in a message (default 1; overload 50)")
        parser.add_argument("--runs", type=int, help="runs of throughput, of which the median counts (default 1)")
        parser.add_argument("--seconds", type=float, help="how long a steady load is measured (20; overload 60)")
        parser.add_argument("--sockets", type=int, help="live sockets of fanout (default 1,000)")
        parser.add_argument("--minutes", type=float, help="how long soak takes (default 4)")
        parser.add_argument("--rows", type=int, help="of history (default 2,000,000) and transfer (400,000)")
        parser.add_argument("--json", action="store_true", help="print JSON on one line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure and print; exit with 1 when the books do not balance afterwards."""
        if options["benchmark"] == ALL:
            self._run_all(options)
            return
        if options["names"]:
            raise CommandError(f"Only `{ALL}` takes several names.", returncode=2)
        self.check()
        wanted = options_of(options)
        try:
            report = MEASURES[options["benchmark"]](wanted, self.stderr.write)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except BenchFailed as error:
            raise CommandError(str(error)) from error
        except (redis.RedisError, OperationalError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        self.stdout.write(json.dumps(report, indent=None if options["json"] else 2))
        # History fills a database of its own, which has no ledger.
        if "ledger" in report and not report["ledger"]["balanced"]:
            sys.exit(1)

    def _run_all(self, given: dict[str, Any]) -> None:
        base, folder = Path(settings.BASE_DIR), Path(settings.DATA_DIR) / "bench"
        sizes = sizes_of_all(given)
        try:
            steps = [suite.larger(step, sizes) for step in suite.chosen(given["names"], MEASURES)]
        except BenchFailed as error:
            raise CommandError(str(error), returncode=2) from error
        try:
            document = suite.run(base, folder, steps, self.stderr.write)
        except BenchFailed as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            self.stderr.write("interrupted; everything that was started has been stopped")
            sys.exit(INTERRUPTED)
        path = suite.write(base, folder, document)
        self.stdout.write(f"{path}\n{base / suite.PAGE}")
        if any(step.get("exit_code", 1) for step in document["steps"]):
            sys.exit(1)


def sizes_of_all(given: dict[str, Any]) -> dict[str, float]:
    """Return the sizes that `all` hands on; raise CommandError for an option that it has no use for."""
    chosen = {name: given[name] for name in ("rate", *SIZES) if given.get(name) is not None}
    if strange := sorted(chosen.keys() - suite.LARGER.keys()):
        larger = " and ".join(f"--{name}" for name in suite.LARGER)
        raise CommandError(f"`{ALL}` takes {larger}; --{strange[0].replace('_', '-')} is not for it.", returncode=2)
    if any(size <= 0 for size in chosen.values()):
        raise CommandError(f"{' and '.join(f'--{name}' for name in suite.LARGER)} are more than 0.", returncode=2)
    return chosen


def options_of(given: dict[str, Any]) -> Options:
    """Return what to measure with: what was given, else what is usual for the benchmark; raise CommandError."""
    names = [field.name for field in fields(Options)]
    chosen = {name: given[name] for name in names if given.get(name) is not None}
    if any(chosen.get(name, 1) <= 0 for name in SIZES) or chosen.get("rate", 0) < 0:
        sizes = ", ".join(f"--{name.replace('_', '-')}" for name in SIZES)
        raise CommandError(f"{sizes} are more than 0, --rate is 0 or more.", returncode=2)
    return Options(**(DEFAULTS.get(given["benchmark"], {}) | chosen))
