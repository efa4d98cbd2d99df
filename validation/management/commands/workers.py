"""`manage.py workers`: which workers and schedulers there are, and whether the queues move."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError, InterfaceError
from redis import RedisError

from dataflow.lib.commands import ExplainedCommand
from validation.workers import Overview, overview

WRONG, NO_SERVICE = 1, 3

EXPLANATION = """\
Shows the workers and what each does now, whether the queues move, and what the schedulers send. With --json as an
object with the keys workers, queues, schedulers, jobs and problems.

examples:
  manage.py workers
  manage.py workers --json | jq '.queues[].canary_s'

exit codes: 0 all is well, 1 something is wrong, which is said, 3 the queue or the database cannot be reached
"""


class Command(ExplainedCommand):
    """List the workers."""

    help = EXPLANATION
    requires_system_checks = ("settings",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --json."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask Redis and the database, and print."""
        try:
            found = overview()
        except RedisError as error:
            raise CommandError(f"The queue cannot be asked: {error}", returncode=NO_SERVICE) from error
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be asked: {error}", returncode=NO_SERVICE) from error
        if options["json"]:
            self.stdout.write(json.dumps(asdict(found), cls=DjangoJSONEncoder, indent=2))
        else:
            self.stdout.write("\n".join(lines(found)))
        if found.problems:
            raise SystemExit(WRONG)


def lines(found: Overview) -> list[str]:
    """Return tables of processes, queues and jobs, and what is wrong."""
    processes = [("process", "state", "does now", "for", "tasks", "last seen", "pid")]
    processes += [
        (one.name, "lives" if one.alive else "gone", one.task or "waits", f"{one.task_s:.1f} s", str(one.tasks),
         f"{one.seen_s:.1f} s ago", str(one.pid))
        for one in (*found.workers, *found.schedulers)
    ]  # fmt: skip
    queues = [("queue", "state", "waiting", "last canary", "on its way")]
    queues += [
        (one.name, "moves" if one.moves else "stands", str(one.waiting), _ago(one.canary_s),
         "-" if one.took_s is None else f"{one.took_s} s")
        for one in found.queues
    ]  # fmt: skip
    jobs = [("job", "every", "last sent", "by")]
    jobs += [(job.name, f"{job.every_s:g} s", _ago(job.sent_s), job.scheduler) for job in found.jobs]
    return [
        *_table(processes),
        "",
        *_table(queues),
        "",
        *_table(jobs),
        *([""] if found.problems else []),
        *found.problems,
    ]


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.1f} s ago"
