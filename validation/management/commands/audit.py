"""`manage.py audit`: check the books."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from dataclasses import asdict
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from ingest.buffers import ring_urls
from validation import gaps
from validation.audit import (
    BY,
    Audit,
    Line,
    TableBooks,
    TooManyLines,
    audit,
    audit_device,
    begin,
    compare_tables,
    lines,
)
from validation.audit.buffers import NO_MINUTE
from validation.audit.told import table_of_books, table_of_gaps, table_of_lines, table_of_tables
from validation.moments import microseconds, moment
from validation.selectors import TooSlow

EXAMPLES = """examples:
  manage.py audit                               all books, since the beginning
  manage.py audit --since 2026-11-21T08:00      from that minute on (UTC unless a zone is given)
  manage.py audit --device vehicle_03 --json    what became of one device's readings
  manage.py audit --by minute --since 2026-11-21T08:00
  manage.py audit --by model                    by version; and whether the tables hold what the books say
  manage.py audit --by device,model             what became of the readings of each device
  manage.py audit --gaps                        sequence numbers that are missing, of the last 24 hours or --since

A database that was restored has books from its restoration on, unless --since says otherwise.
What cannot be known is shown as a dash, and null in JSON: see docs/books.md.

exit codes: 0 balanced, 1 not balanced, 2 wrong usage, 3 a service cannot be reached
"""
AWAY = (redis.RedisError, OperationalError, InterfaceError)


class Command(BaseCommand):
    """Check the books."""

    # The others would load every page of the site first, and their warnings would stand between answer and reader.
    requires_system_checks = ("settings",)
    help = "Compare what was received with what was stored, found duplicate, quarantined, or is still in flight."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("--since", metavar="T", help="ISO 8601 or seconds since 1970; whole minutes count")
        parser.add_argument("--device", metavar="ID", help="one device; its received is the sum of what was found")
        parser.add_argument("--by", type=_by, default=(), help="some of minute, model, device, with commas between")
        parser.add_argument("--gaps", action="store_true", help="list sequence numbers that are missing; no fault")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, since: str | None, device: str | None, **options: Any) -> None:
        """Audit, print, and exit with 1 when the books do not balance."""
        try:
            minute = self._begin() if since is None else _minute(since)
            answer, expired = self._audit(device, minute, options["by"])
            document = asdict(answer.total) | {"expired": expired, "balanced": answer.balanced}
            if device is not None:
                document["lost"] = None  # buffers do not count by device
            parts = [table_of_books(answer.total, expired, answer.balanced)]
            if options["by"]:
                self._break_down(answer, options["by"], minute, device, document, parts)
            if options["gaps"]:
                _find_gaps(minute if since is not None else 0, device, document, parts)
        except AWAY as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        except TooSlow as error:
            raise CommandError(f"That took longer than {error}: narrow it with --since or --device.") from error
        except TooManyLines as error:
            raise CommandError(f"That would be {error} lines: narrow it with --since or --device.") from error
        self.stdout.write(json.dumps(document, default=str) if options["json"] else "\n\n".join(parts))
        for complaint in answer.complaints:
            self.stderr.write(complaint)
        if not answer.balanced:
            sys.exit(1)

    def _begin(self) -> int:
        """Return the minute from which the books count when nobody says one, and say why."""
        restoration = begin()
        if restoration is None:
            return 0
        self.stderr.write(restoration.sentence)
        self.stderr.write(f"So the books begin at {moment(restoration.minute * 60_000_000):%Y-%m-%d %H:%M} UTC.")
        return restoration.minute

    def _audit(self, device: str | None, minute: int, by: tuple[str, ...]) -> tuple[Audit, int | None]:
        if device is None:
            answer = audit(ring_urls(), minute, minute if by == ("minute",) else NO_MINUTE)
            return answer, answer.expired
        books = audit_device(ring_urls(), device, minute)
        if books.received == 0:
            self.stderr.write(f"No reading of a device {device!r} was found.")
        # Losses are not counted by device, so of one nobody knows them.
        return Audit(total=books), None

    def _break_down(
        self, answer: Audit, by: tuple[str, ...], minute: int, device: str | None, document: Any, parts: list[str]
    ) -> None:
        found: list[Line] = lines(by, answer.minutes, minute, device)
        document["lines"] = [asdict(line) for line in found]
        parts.append(table_of_lines(found, by, device))
        if "model" in by and device is None:
            tables: list[TableBooks]
            tables, complaints = compare_tables(minute)
            answer.complaints += complaints
            document["tables"] = [asdict(table) | {"excess": table.excess} for table in tables]
            parts.append(table_of_tables(tables))
        document["balanced"] = answer.balanced
        parts[0] = table_of_books(answer.total, document["expired"], answer.balanced)


def _find_gaps(minute: int, device: str | None, document: dict[str, Any], parts: list[str]) -> None:
    start = moment(minute * 60_000_000) if minute else None
    found = gaps.find(device=device, start=start)
    document["gaps"] = [asdict(gap) | {"missing": gap.missing} for gap in found.found]
    parts.append(table_of_gaps(found))


def _by(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if not words or not set(words) <= set(BY):
        raise ArgumentTypeError(f"expected some of {', '.join(BY)}, with commas between")
    return tuple(word for word in BY if word in words)


def _minute(since: str) -> int:
    try:
        micros = microseconds(float(since))
    except ValueError:
        micros = microseconds(since)
    if micros is None:
        raise CommandError(f"--since {since!r} is neither ISO 8601 nor seconds since 1970.", returncode=2)
    return micros // 60_000_000
