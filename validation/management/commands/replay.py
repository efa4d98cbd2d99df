"""`manage.py replay`: judge quarantined readings again."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from datetime import datetime
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from validation import replay
from validation.models import DataModel, Replay
from validation.moments import microseconds, moment
from validation.paths import parts, pointer
from validation.quarantine import Selection
from validation.selectors import TooSlow
from validation.writing import Writer

EXAMPLES = """examples:
  manage.py replay --dry-run                       all of quarantine: what would become of it
  manage.py replay --model vehicle                 what vehicle refused, judged by what is published now
  manage.py replay --model vehicle --reason maximum --field speed
  manage.py replay --model ""                      what came on topics that no model was for
  manage.py replay --device vehicle_03 --since 2026-11-21T08:00 --json
  manage.py replay --resume 7                      go on where replay 7 was stopped

exit codes: 0 done, 1 failed, 2 wrong usage, 3 a service cannot be reached, 130 interrupted
"""
SLICE_S, REST_S = 0.5, 0.05  # seconds of work, and of rest in between, in which the workers store what comes in
SHOWN_REASONS = 10


class Command(BaseCommand):
    """Judge quarantined readings again."""

    requires_system_checks = ("settings",)
    help = (
        "Judge quarantined readings by the models in service now. What passes is stored with its own times and leaves "
        "quarantine; what fails stays, with its reasons brought up to date. Can be stopped and run again at any time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("--model", metavar="M", help="refused by this model; empty: on topics of none")
        parser.add_argument("--reason", metavar="CODE", help="with this code as the first reason, like maximum")
        parser.add_argument("--field", metavar="PATH", help="where the first reason points: speed, gps.lat or /gps/lat")
        parser.add_argument("--device", metavar="D", help="of one device")
        parser.add_argument("--since", metavar="T", help="received then or later: ISO 8601 or seconds since 1970")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of it")
        parser.add_argument("--resume", metavar="ID", type=int, help="go on with a replay that was stopped or failed")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Begin or resume, work until it is done, and print what came of it."""
        try:
            run = self._resumed(options) if options["resume"] is not None else _started(options)
            self._work(run)
        except (redis.RedisError, OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        except TooSlow as error:
            raise CommandError(f"Counting what is selected took longer than {error}.") from error
        self.stdout.write(json.dumps(_document(run)) if options["json"] else _words(run))
        if run.state == Replay.State.FAILED:
            raise CommandError(f"It failed: {run.error}\nGo on with: manage.py replay --resume {run.pk}")
        if run.state == Replay.State.STOPPED:
            raise CommandError(f"Somebody stopped it. Go on with: manage.py replay --resume {run.pk}")

    def _resumed(self, options: dict[str, Any]) -> Replay:
        selecting = [name for name in ("model", "reason", "field", "device", "since") if options[name] is not None]
        if selecting or options["dry_run"]:
            raise CommandError("--resume goes on with what was selected then, and takes no other option.", returncode=2)
        run = Replay.objects.filter(pk=options["resume"]).first()
        if run is None:
            raise CommandError(f"There is no replay {options['resume']}.", returncode=2)
        if not replay.resume(run.pk, foreground=True) and run.state == Replay.State.RUNNING:
            self.stderr.write(f"Replay {run.pk} runs already; this helps it along.")
        return run

    def _work(self, run: Replay) -> None:
        writer = Writer()
        try:
            while replay.advance(run.pk, SLICE_S, writer):
                run.refresh_from_db()
                self._progress(run)
                time.sleep(REST_S)
        except KeyboardInterrupt:
            replay.stop(run.pk)
            self.stderr.write(f"\nStopped. Go on with: manage.py replay --resume {run.pk}")
            sys.exit(130)
        finally:
            run.refresh_from_db()
        self._progress(run, end="\n")

    def _progress(self, run: Replay, end: str = "") -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{run.examined:,} of {run.total:,} records", ending=end)
            self.stderr.flush()


def _started(options: dict[str, Any]) -> Replay:
    return replay.start(_selection(options), dry_run=options["dry_run"], by="manage.py replay", foreground=True)


def _selection(options: dict[str, Any]) -> Selection:
    model, field = options["model"], options["field"]
    if model and not DataModel.objects.filter(name=model).exists():
        known = ", ".join(DataModel.objects.order_by("name").values_list("name", flat=True)) or "none"
        raise CommandError(f"There is no model {model!r}; there are: {known}.", returncode=2)
    place = field if field is None or field.startswith("/") else pointer(*parts(field))
    return Selection(
        model=model, code=options["reason"], place=place, device=options["device"], since=_moment(options["since"])
    )


def _moment(since: str | None) -> datetime | None:
    if since is None:
        return None
    try:
        micros = microseconds(float(since))
    except ValueError:
        micros = microseconds(since)
    if micros is None:
        raise CommandError(f"--since {since!r} is neither ISO 8601 nor seconds since 1970.", returncode=2)
    return moment(micros)


def _document(run: Replay) -> dict[str, Any]:
    counts = {name: getattr(run, name) for name in ("total", "examined", "stored", "duplicate", "failing")}
    said = {"id": run.pk, "state": run.state, "dry_run": run.dry_run, "selection": run.selection}
    return said | counts | {"outcome": run.outcome, "error": run.error}


def _words(run: Replay) -> str:
    would = "would be " if run.dry_run else ""
    rows = [
        (run.examined, f"of {run.total:,} records looked at"),
        (run.stored, f"readings {would}stored"),
        *([] if run.dry_run else [(run.duplicate, "readings stored already")]),
        (run.failing, "still failing"),
    ]
    lines = [f"{'Dry run' if run.dry_run else 'Replay'} {run.pk}: {run.state}"]
    lines += [f"{count:>12,} {what}" for count, what in rows]
    for group in run.outcome.get("failing", [])[:SHOWN_REASONS]:
        lines.append(f"{group['count']:>12,} {group['code']} {group['place']}: {group['detail']}")
    return "\n".join(lines)
