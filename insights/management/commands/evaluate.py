"""`manage.py evaluate`: how well the agent does on what was recorded or written down for that."""

from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dataflow.lib.commands import ExplainedCommand
from insights.evaluation import anomalies
from insights.forecasting import evaluation as forecasts

EXAMPLES = """examples:
  manage.py evaluate anomalies --help
  manage.py evaluate forecast --data recorded

exit codes: 0 done, 1 failed, 2 wrong usage, 3 a service cannot be reached, 130 interrupted
"""
ANOMALIES = """Reads every CSV under --data (columns timestamp, value), and writes for each one, at the same relative
path under --out (timestamp, anomaly_score), a row a reading, each score from that row and earlier ones alone.

examples:
  manage.py evaluate anomalies --data recorded --out detections
  manage.py evaluate anomalies --data recorded --out detections --json
"""
FORECAST = """Reads every CSV under --data (columns timestamp, value), forecasts each one again and again from what
came before, and says how often what came lay in the interval that was promised (nominal: 90 %).

examples:
  manage.py evaluate forecast --data recorded
  manage.py evaluate forecast --data recorded --json
"""
INTERRUPTED = 130


class Command(ExplainedCommand):
    """Measure how good the agent is."""

    help = "Measure how good the agent is, on data that are given.\n\n" + EXAMPLES
    requires_system_checks = []  # most of it needs no service

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the measures and their options."""
        measures = parser.add_subparsers(dest="measure", required=True, metavar="MEASURE")
        for name, short, long in (
            ("anomalies", "the detector on recorded series", ANOMALIES),
            ("forecast", "how often intervals of forecasts hold on recorded series", FORECAST),
        ):
            found = measures.add_parser(name, help=short, description=long, formatter_class=RawDescriptionHelpFormatter)
            found.add_argument("--data", type=Path, required=True, metavar="DIR", help="where the series are")
            if name == "anomalies":
                found.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the scores go")
            found.add_argument("--json", action="store_true", help="print JSON on one line")

    def handle(self, *args: Any, measure: str, **options: Any) -> None:
        """Measure and print the report."""
        measures: dict[str, Callable[[dict[str, Any]], None]] = {
            "anomalies": self._anomalies,
            "forecast": self._forecast,
        }
        try:
            measures[measure](options)
        except (anomalies.BadSeries, forecasts.BadSeries, OSError) as error:
            raise CommandError(str(error)) from error
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _anomalies(self, options: dict[str, Any]) -> None:
        self._print(options, anomalies.evaluate(_folder(options), options["out"], self.stderr.write))

    def _forecast(self, options: dict[str, Any]) -> None:
        self._print(options, forecasts.evaluate(_folder(options), self.stderr.write))

    def _print(self, options: dict[str, Any], report: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(report, indent=None if options["json"] else 2))


def _folder(options: dict[str, Any]) -> Path:
    data: Path = options["data"]
    if not data.is_dir():
        raise CommandError(f"{data} is no directory.", returncode=2)
    return data
