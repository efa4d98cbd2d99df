"""`manage.py bench`: measure the running stack."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError

from dataflow.bench import modelling, publishing, replaying, throughput
from dataflow.bench.throughput import BenchFailed, Options

EXAMPLES = """examples:
  manage.py bench throughput                        100,000 readings, as fast as the stack takes them
  manage.py bench throughput --count 400000 --json
  manage.py bench throughput --rate 5000            at 5,000 a second
  manage.py bench replay                            100,000 refused readings, beside 5,000 live ones a second
  manage.py bench publishing                        versions of a model, published beside 10,000 readings a second
  manage.py bench models                            200 models in service, then readings of all of them

exit codes: 0 measured and balanced, 1 failed or not balanced, 2 wrong usage, 3 a service cannot be reached
"""
MEASURES = {
    "throughput": throughput.measure,
    "replay": replaying.measure,
    "publishing": publishing.measure,
    "models": modelling.measure,
}


class Command(BaseCommand):
    """Measure the running stack."""

    help = (
        "Drive the running stack with a load of its own and report what it did. The readings stay, as devices bench_…"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the benchmarks and their options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("benchmark", choices=list(MEASURES))
        parser.add_argument("--count", type=int, default=100_000, help="readings to publish")
        parser.add_argument("--devices", type=int, default=10)
        parser.add_argument("--window", type=int, default=1000, help="unacknowledged messages at most")
        parser.add_argument(
            "--rate",
            type=float,
            default=0,
            help="readings a second; 0 is as fast as possible, in replay 5,000, in publishing 10,000",
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Measure and print; exit with 1 when the books do not balance afterwards."""
        wanted = Options(options["count"], options["devices"], options["window"], options["rate"])
        if min(wanted.count, wanted.devices, wanted.window) < 1 or wanted.rate < 0:
            raise CommandError("--count, --devices and --window are 1 or more, --rate is 0 or more.", returncode=2)
        try:
            report = MEASURES[options["benchmark"]](wanted, self.stderr.write)
        except BenchFailed as error:
            raise CommandError(str(error)) from error
        except (redis.RedisError, OperationalError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        self.stdout.write(json.dumps(report, indent=None if options["json"] else 2))
        if not report["ledger"]["balanced"]:
            sys.exit(1)
