"""`manage.py evaluate`: measure how good the agent is."""

from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dataflow.lib.commands import ExplainedCommand
from insights.evaluation import anomalies

EXAMPLES = """examples:
  manage.py evaluate anomalies --help

exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted
"""
ANOMALIES = """Reads every CSV under --data (columns timestamp, value), and writes for each one, at the same relative
path under --out (timestamp, anomaly_score), a row a reading, each score from that row and earlier ones alone.

examples:
  manage.py evaluate anomalies --data recorded --out detections
  manage.py evaluate anomalies --data recorded --out detections --json
"""
INTERRUPTED = 130


class Command(ExplainedCommand):
    """Measure how good the agent is."""

    help = "Measure how good the agent is, on data that are given.\n\n" + EXAMPLES
    requires_system_checks = []  # it needs no service

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the measures and their options."""
        measures = parser.add_subparsers(dest="measure", required=True, metavar="MEASURE")
        found = measures.add_parser(
            "anomalies", help="the detector on recorded series", description=ANOMALIES,
            formatter_class=RawDescriptionHelpFormatter,
        )  # fmt: skip
        found.add_argument("--data", type=Path, required=True, metavar="DIR", help="where the series are")
        found.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the scores go")
        found.add_argument("--json", action="store_true", help="print JSON on one line")

    def handle(self, *args: Any, measure: str, **options: Any) -> None:
        """Measure and print the report."""
        try:
            report = {"anomalies": self._anomalies}[measure](options)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        self.stdout.write(json.dumps(report, indent=None if options["json"] else 2))

    def _anomalies(self, options: dict[str, Any]) -> dict[str, Any]:
        data: Path = options["data"]
        if not data.is_dir():
            raise CommandError(f"{data} is no directory.", returncode=2)
        try:
            return anomalies.evaluate(data, options["out"], self.stderr.write)
        except (anomalies.BadSeries, OSError) as error:
            raise CommandError(str(error)) from error
