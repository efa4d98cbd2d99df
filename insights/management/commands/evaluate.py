"""`manage.py evaluate`: how well the agent does on what was recorded or written down for that."""

from __future__ import annotations

import json
import sys
from argparse import RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from dataflow.lib.commands import ExplainedCommand
from dataflow.lib.own_database import NoOwnDatabase
from insights.evaluation import anomalies
from insights.forecasting import evaluation as forecasts
from insights.questions.evaluation.running import evaluate as evaluate_questions

EXAMPLES = """examples:
  manage.py evaluate anomalies --help
  manage.py evaluate forecast --data recorded
  manage.py evaluate questions

exit codes: 0 done, 1 failed or below the target, 2 wrong usage, 3 a service cannot be reached, 130 interrupted
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
QUESTIONS = """Asks a written set of questions over a fixed data set, in a database of its own that is removed again,
and compares query and number with what was expected. One half was written before the grammar and never tuned on
(held_out).

examples:
  manage.py evaluate questions
  manage.py evaluate questions --json
"""
INTERRUPTED = 130
RIGHT, WRONG = 0.95, 0.0  # shares of the questions: at least, at most


class Command(ExplainedCommand):
    """Measure how good the agent is."""

    help = "Measure how good the agent is, on data that are given.\n\n" + EXAMPLES
    requires_system_checks = []  # most of it needs no service; the questions check what they need

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
        questions = measures.add_parser(
            "questions",
            help="right answers to written questions",
            description=QUESTIONS,
            formatter_class=RawDescriptionHelpFormatter,
        )
        questions.add_argument("--json", action="store_true", help="print JSON on one line, every miss included")

    def handle(self, *args: Any, measure: str, **options: Any) -> None:
        """Measure and print the report."""
        measures: dict[str, Callable[[dict[str, Any]], None]] = {
            "anomalies": self._anomalies,
            "forecast": self._forecast,
            "questions": self._questions,
        }
        try:
            measures[measure](options)
        except (anomalies.BadSeries, forecasts.BadSeries, NoOwnDatabase, OSError) as error:
            raise CommandError(str(error)) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _anomalies(self, options: dict[str, Any]) -> None:
        self._print(options, anomalies.evaluate(_folder(options), options["out"], self.stderr.write))

    def _forecast(self, options: dict[str, Any]) -> None:
        self._print(options, forecasts.evaluate(_folder(options), self.stderr.write))

    def _questions(self, options: dict[str, Any]) -> None:
        self.check(tags=["settings"])
        report = evaluate_questions()
        if options["json"]:
            self._print(options, report)
        else:
            self._print_questions(report)
        if not all(part["right_share"] >= RIGHT and part["wrong_share"] <= WRONG for part in report.values()):
            sys.exit(1)

    def _print_questions(self, report: dict[str, Any]) -> None:
        self.stdout.write(f"{'set':<10}{'questions':>10}{'right':>8}{'asked back':>12}{'wrong':>8}{'right %':>10}")
        for name, part in report.items():
            counts = f"{part['questions']:>10}{part['right']:>8}{part['asked_back']:>12}{part['wrong']:>8}"
            self.stdout.write(f"{name:<10}{counts}{100 * part['right_share']:>10.1f}")
        for name, part in report.items():
            for missed in part["missed"]:
                self.stdout.write(f"{name} {missed['verdict']}: {missed['question']}")
                self.stdout.write(f"    {missed['why']}")

    def _print(self, options: dict[str, Any], report: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(report, indent=None if options["json"] else 2))


def _folder(options: dict[str, Any]) -> Path:
    data: Path = options["data"]
    if not data.is_dir():
        raise CommandError(f"{data} is no directory.", returncode=2)
    return data
