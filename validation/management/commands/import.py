"""`manage.py import`: readings from a file, as if their devices had sent them now."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from validation import imports
from validation.imports import FORMS, Importer, Refused
from validation.models import Import

EXAMPLES = """examples:
  manage.py import vehicle.csv --model vehicle --dry-run       what would become of it
  manage.py import vehicle.parquet --model vehicle
  manage.py import road.csv --model vehicle --mapping ts=time,speed=v --device road
  manage.py import telegraf.lp --model vehicle --measurement car --mapping device=host
  manage.py import vehicle.csv --model vehicle --resume        go on where it was stopped, or killed

exit codes: 0 done, 1 failed, 2 wrong usage or a file that cannot be read, 3 a service cannot be reached,
            130 interrupted
"""
SLICE_S = 0.5  # seconds of work between two lines of progress
SHOWN_REASONS = 10


class Command(BaseCommand):
    """Import readings."""

    requires_system_checks = ("settings",)
    help = (
        "Read a file of readings with their own times: CSV with headings, Parquet, or InfluxDB line protocol. Each row "
        "becomes the message that its device would have sent, and goes through validation and the ledger. What is "
        "stored already is not stored twice, so a file may be imported again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("file", metavar="FILE", type=Path)
        parser.add_argument("--model", metavar="M", required=True, help="what the rows are readings of")
        parser.add_argument("--format", choices=FORMS, help="by default what the file's name says")
        parser.add_argument(
            "--mapping", metavar="TARGET=COLUMN,…", default="", help="which column is what, where names differ: ts=time"
        )
        parser.add_argument("--device", metavar="D", default="", help="of all rows, for a file without such a column")
        parser.add_argument("--unit", choices=("s", "ms", "us", "ns"), help="what times that are numbers count")
        parser.add_argument("--measurement", metavar="NAME", default="", help="of line protocol; the model's name")
        parser.add_argument("--dry-run", action="store_true", help="judge all of it, store nothing")
        parser.add_argument("--resume", action="store_true", help="go on with the import of this file that is not over")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Begin or resume, work until it is done, and print what came of it."""
        try:
            run = _resumed(options) if options["resume"] else _begun(options)
            self._work(run)
        except Refused as error:
            raise CommandError(str(error), returncode=2) from error
        except (redis.RedisError, OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        self.stdout.write(json.dumps(document(run)) if options["json"] else words(run))
        if run.state == Import.State.FAILED:
            raise CommandError(f"It failed: {run.error}\n{_go_on(options)}")
        if run.state == Import.State.STOPPED:
            raise CommandError(f"Somebody stopped it. {_go_on(options)}")

    def _work(self, run: Import) -> None:
        importer = Importer()
        began = time.monotonic()
        try:
            while importer.advance(run.pk, SLICE_S, patient=True):
                run.refresh_from_db()
                self._progress(run, began)
        except KeyboardInterrupt:
            imports.stop(run.pk)
            self.stderr.write(f"\nStopped. Go on with --resume: {run.sent:,} rows are sent.")
            sys.exit(130)
        finally:
            importer.close()
            run.refresh_from_db()
        self._progress(run, began, end="\n")

    def _progress(self, run: Import, began: float, end: str = "") -> None:
        if sys.stderr.isatty():
            share = 100 * run.position.get("offset", 0) / max(run.size, 1)
            rate = run.sent / max(time.monotonic() - began, 0.001)
            self.stderr.write(f"\r{share:3.0f} %, {run.sent:,} rows, {rate:,.0f} a second ", ending=end)
            self.stderr.flush()


def _begun(options: dict[str, Any]) -> Import:
    return imports.begin(
        options["file"],
        model=options["model"],
        form=options["format"] or "",
        said={
            "mapping": mapping_of(options["mapping"]),
            "device": options["device"],
            "unit": options["unit"] or "",
            "measurement": options["measurement"],
        },
        dry_run=options["dry_run"],
        by="manage.py import",
    )


def _resumed(options: dict[str, Any]) -> Import:
    said = [name for name in ("format", "mapping", "device", "unit", "measurement", "dry_run") if options[name]]
    if said:
        raise CommandError("--resume goes on as it was begun, and takes --model and no other option.", returncode=2)
    run = imports.unfinished(options["file"], options["model"])
    if run is None:
        raise CommandError(f"No import of {options['file']} into {options['model']} is to be resumed.", returncode=2)
    imports.resume(run.pk, foreground=True)
    return run


def mapping_of(text: str) -> dict[str, str]:
    """Return what `ts=time,speed=v` says; raise Refused when it is something else."""
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    for target, equals, column in pairs:
        if not (target.strip() and equals and column.strip()):
            raise Refused(f"A mapping is TARGET=COLUMN,…, such as ts=time,speed=v, and not {text[:80]!r}.")
    return {target.strip(): column.strip() for target, _, column in pairs}


def _go_on(options: dict[str, Any]) -> str:
    return f"Go on with: manage.py import {options['file']} --model {options['model']} --resume"


def document(run: Import) -> dict[str, Any]:
    """Return what came of an import, for programs."""
    names = ("model", "form", "name", "size", "dry_run", "state", "unread", "sent", "stored", "duplicate")
    said = {name: getattr(run, name) for name in (*names, "quarantined", "skipped", "outcome", "error")}
    return {"id": run.pk, **said}


def words(run: Import) -> str:
    """Return what came of an import, for people."""
    would = "would be " if run.dry_run else ""
    rows = [
        (run.sent, f"rows {'judged' if run.dry_run else 'sent'}"),
        (run.stored, f"readings {would}stored"),
        *([] if run.dry_run else [(run.duplicate, "readings stored already")]),
        (run.quarantined, f"{would}in quarantine"),
        (run.skipped, "rows left out"),
    ]
    lines = [f"{'Dry run' if run.dry_run else 'Import'} {run.pk}: {run.state}"]
    lines += [f"{count:>12,} {what}" for count, what in rows]
    if run.unread:
        lines.append(f"Columns that are not read: {', '.join(run.unread)}")
    for group in [*run.outcome.get("failing", ()), *run.outcome.get("skipped", ())][:SHOWN_REASONS]:
        lines.append(f"{group['count']:>12,} {group['code']} {group['place']}: {group['detail']}")
    return "\n".join(lines)
