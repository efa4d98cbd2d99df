"""`manage.py retention`: what is kept of each model, how large it is, and what goes next."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError
from django.template.defaultfilters import filesizeformat

from dataflow.lib.commands import ExplainedCommand
from validation.management.shown import table
from validation.retention.outlook import LevelOutlook, Outlook, outlook

NO_SERVICE = 3
HEAD = ("MODEL", "LEVEL", "KEPT", "FROM", "TO", "ROWS", "SIZE", "GOES NEXT", "ON (UTC)", "FREES")

EXPLANATION = """\
Shows for each model what is kept of its readings (raw) and of its rollups by minute, hour and day (1m, 1h, 1d), how
large that is, which partition goes next, when, and how much space it frees. Nothing is removed by asking. For how long
something is kept is a setting of the model. With --json as a list with the keys model, levels, bytes, waiting and those
of docs/rollups.md.

examples:
  manage.py retention
  manage.py retention --json | jq '.[] | {model, bytes}'

exit codes: 0 done, 3 the database cannot be reached
"""


class Command(ExplainedCommand):
    """List what is kept."""

    help = EXPLANATION
    requires_system_checks = ("settings",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --json."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the database, and print."""
        try:
            found = outlook()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be asked: {error}", returncode=NO_SERVICE) from error
        if options["json"]:
            listed = [{**asdict(model), "bytes": model.bytes} for model in found]
            self.stdout.write(json.dumps(listed, cls=DjangoJSONEncoder, indent=2))
        else:
            self.stdout.write(shown(found))


def shown(found: list[Outlook]) -> str:
    """Return a table of models and levels, and what of the rollups is still to be made."""
    rows = [_row(model.model, level) for model in found for level in model.levels]
    lines = [table(HEAD, rows)]
    for model in found:
        if model.to_mark_hours:
            done = 1 - model.to_mark_hours / model.to_mark_hours_at_first
            lines.append(f"{model.model}: {done:.0%} of what is stored has been looked through for rollups.")
    return "\n".join(lines)


def _row(model: str, level: LevelOutlook) -> tuple[str, ...]:
    kept = "for good" if level.days is None else f"{level.days} d"
    size = filesizeformat(level.bytes).replace("\xa0", " ")
    ends = (str(level.first or "-"), str(level.last or "-"), f"{level.rows:,}", size)
    if level.next is None:
        return model, level.level, kept, *ends, "nothing", "-", "-"
    what = f"{level.next.first}" + ("" if level.next.first == level.next.last else f" … {level.next.last}")
    when = "when its rollups are made" if level.next.waits_for_rollups else f"{level.next.at:%Y-%m-%d}"
    return model, level.level, kept, *ends, what, when, filesizeformat(level.next.bytes).replace("\xa0", " ")
