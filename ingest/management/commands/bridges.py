"""`manage.py bridges`: which bridges there are, and who holds which session at the broker."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from dataflow.lib.commands import ExplainedCommand
from ingest.bridges import BridgeState, HeldSlot, VacantSlot, overview

NO_HOLDER, NO_SERVICE = 1, 3

EXPLANATION = """\
Shows the bridges, living and dead since not more than a day, and which of the sessions at the broker each holds. With
--json as an object with the keys bridges (a list), vacant (the sessions that no living bridge holds), leader, and
problems (what is wrong, in sentences).

examples:
  manage.py bridges
  manage.py bridges --json | jq '.bridges[] | select(.leader).name'

exit codes: 0 every session has a living holder, 1 one has none, 3 the database cannot be reached
"""


class Command(ExplainedCommand):
    """List the bridges."""

    help = EXPLANATION
    requires_system_checks = ("settings",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --json."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the database and print."""
        try:
            found = overview()
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be asked: {error}", returncode=NO_SERVICE) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), cls=DjangoJSONEncoder, indent=2))
        else:
            self.stdout.write("\n".join([*lines(found.bridges, found.vacant), *found.problems]))
        if found.vacant or not any(bridge.alive for bridge in found.bridges):
            raise SystemExit(NO_HOLDER)


def lines(found: list[BridgeState], vacant: list[VacantSlot]) -> list[str]:
    """Return a table of bridges, and the slots that none of them holds."""
    rows = [("name", "host", "process", "since (UTC)", "last seen", "state", "slots")]
    rows += [
        (bridge.name, bridge.host, str(bridge.pid), _time(bridge.since), f"{bridge.heartbeat_age_s:.1f} s ago",
         _state(bridge), _slots(bridge.slots))
        for bridge in found
    ]  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    if not found:
        table = ["No bridge is known."]
    return table + [f"no living bridge holds {_slots(vacant)}"] * bool(vacant)


def _state(bridge: BridgeState) -> str:
    if not bridge.alive:
        return "dead"
    limit = "" if bridge.at_most is None else f", at most {bridge.at_most}"
    return ("leads" if bridge.leader else "lives") + limit + ("" if bridge.fit else ", not fit")


def _slots(slots: Sequence[HeldSlot | VacantSlot]) -> str:
    return ", ".join(f"{slot.client_id} (ending)" if slot.retiring else str(slot.number) for slot in slots) or "none"


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"
