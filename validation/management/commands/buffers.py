"""`manage.py buffers`: the ring of buffers, to look at and to change."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError

from ingest import buffers
from ingest.buffers import Refused
from ingest.models import Buffer
from ingest.ring_state import Member, RingState, ring_state
from validation.ring import remove, write_off

FAILED, WRONG_USAGE, NO_SERVICE = 1, 2, 3

EXAMPLES = """examples:
  manage.py buffers list                                which there are, how full, and how old the oldest entry is
  manage.py buffers list --json | jq '.members[] | select(.state == "active").fill_percent'
  manage.py buffers add redis://:password@host:6379/0 --weight 2
  manage.py buffers add @/run/secrets/buffer-4          the same, with the address in a file
  manage.py buffers drain 3f9a0c2b71de                  it takes no more batches, and workers empty it
  manage.py buffers resume 3f9a0c2b71de                 it takes batches again
  manage.py buffers weight 3f9a0c2b71de 3
  manage.py buffers remove 3f9a0c2b71de                 it leaves the ring, once it is empty
  manage.py buffers remove 3f9a0c2b71de --lost          its data is gone for good: write off what it held

A buffer is named by its identity, or by its number where nobody has asked for its identity yet. See docs/ring.md.

exit codes: 0 done, 1 refused or (list) something is wrong, 2 wrong usage, 3 the database cannot be reached
"""


class Command(BaseCommand):
    """Look at the ring and change it."""

    requires_system_checks = ("settings",)
    help = "List, add, drain, resume, weigh and remove buffers while data flows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the acts and their arguments."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        words = "; ".join(f"{name}: {what}" for name, what in WORDS.items())
        parser.add_argument("act", choices=WORDS, metavar="ACT", help=words)
        parser.add_argument("buffer", nargs="?", metavar="ID", help="of which buffer; with add, the address or @FILE")
        parser.add_argument("number", nargs="?", type=int, metavar="N", help="with weight: from 1 to 10")
        parser.add_argument("--weight", type=int, default=1, metavar="N", help="with add: from 1 to 10 (default 1)")
        parser.add_argument("--lost", action="store_true", help="with remove: its data is gone for good")
        parser.add_argument(
            "--force", action="store_true", help="with drain: also the last one; with remove: as --lost"
        )
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, act: str, **options: Any) -> None:
        """Do it and say so."""
        if (act == "list") == (options["buffer"] is not None):
            raise CommandError("Say which buffer; `list` shows all and wants none.", returncode=WRONG_USAGE)
        if (act == "weight") == (options["number"] is None):
            raise CommandError("`weight` wants a number from 1 to 10, and no other act does.", returncode=WRONG_USAGE)
        try:
            if act == "list":
                self._list(ring_state(), options["json"])
                return
            if act != "add":
                buffers.tend()
            row, said = ACTS[act](options)
        except Refused as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be asked: {error}", returncode=NO_SERVICE) from error
        answer = {"id": row.pk, "identity": row.identity, "state": row.state, "weight": row.weight, "said": said}
        self.stdout.write(json.dumps(answer) if options["json"] else said)

    def _list(self, state: RingState, as_json: bool) -> None:
        if as_json:
            self.stdout.write(json.dumps(asdict(state), cls=DjangoJSONEncoder, indent=2))
        else:
            self.stdout.write("\n".join(lines(state)))
            for problem in state.problems:
                self.stderr.write(problem)
        if state.problems:
            raise SystemExit(FAILED)


def lines(state: RingState) -> list[str]:
    """Return the ring as a table."""
    rows: list[tuple[str, ...]] = [
        ("identity", "address", "state", "weight", "answers", "full", "entries", "oldest", "messages/s")
    ]
    rows += [_line(member) for member in state.members]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _line(member: Member) -> tuple[str, ...]:
    def shown(value: float | None, form: str) -> str:
        return "-" if value is None else form.format(value)

    return (
        member.identity or f"(number {member.id})",
        member.address or "-",
        member.state + " (lost)" * (member.lost and member.state != Buffer.State.LOST),
        str(member.weight),
        {True: "yes", False: "no", None: "-"}[member.answers],
        shown(member.fill_percent, "{:.1f} %"),
        shown(member.entries, "{:,}"),
        shown(member.oldest_age_s, "{:,.0f} s"),
        shown(member.messages_per_second, "{:,.1f}"),
    )


def _add(options: dict[str, Any]) -> tuple[Buffer, str]:
    url = options["buffer"]
    if url.startswith("@"):
        try:
            with open(url[1:], encoding="utf-8") as file:
                url = file.read().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{url[1:]} cannot be read: {error}", returncode=WRONG_USAGE) from error
    row = buffers.add(url, options["weight"])
    return row, f"{row} takes batches."


def _drain(options: dict[str, Any]) -> tuple[Buffer, str]:
    row = buffers.drain(buffers.named(options["buffer"]), force=options["force"])
    return row, f"{row} takes no more batches and is drained."


def _resume(options: dict[str, Any]) -> tuple[Buffer, str]:
    row = buffers.resume(buffers.named(options["buffer"]))
    return row, f"{row} takes batches again."


def _weigh(options: dict[str, Any]) -> tuple[Buffer, str]:
    row = buffers.set_weight(buffers.named(options["buffer"]), options["number"])
    return row, f"{row} has the weight {row.weight}."


def _remove(options: dict[str, Any]) -> tuple[Buffer, str]:
    row = buffers.named(options["buffer"])
    if not (options["lost"] or options["force"]):
        return remove(row), f"{row} has left the ring; the books have all it counted."
    return row, write_off(row).sentence


Act = Callable[[dict[str, Any]], tuple[Buffer, str]]
ACTS: dict[str, Act] = {"add": _add, "drain": _drain, "resume": _resume, "weight": _weigh, "remove": _remove}
WORDS = {
    "list": "show the ring",
    "add": "take a server into the ring, or back into it",
    "drain": "have a buffer take no more batches and be emptied",
    "resume": "have a draining buffer take batches again",
    "weight": "say how many batches a buffer gets where one of weight 1 gets one",
    "remove": "let a drained buffer leave the ring once it is empty, or write off one whose data is gone",
}
