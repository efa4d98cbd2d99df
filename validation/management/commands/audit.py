"""`manage.py audit`: check the books."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import asdict
from typing import Any

import redis
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from validation.audit import Books, audit, audit_device
from validation.moments import microseconds

EXAMPLES = """examples:
  manage.py audit                               all books, since the beginning
  manage.py audit --since 2026-11-21T08:00      from that minute on (UTC unless a zone is given)
  manage.py audit --device vehicle_03 --json    what became of one device's readings

exit codes: 0 balanced, 1 not balanced, 2 wrong usage, 3 a service cannot be reached
"""


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
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, since: str | None, device: str | None, **options: Any) -> None:
        """Audit, print, and exit with 1 when the books do not balance."""
        minute = _minute(since)
        try:
            expired: int | None
            if device is not None:
                # Losses are not counted by device, so of one nobody knows them.
                books, expired, complaints = audit_device(settings.BUFFER_URLS, device, minute), None, []
                if books.received == 0:
                    self.stderr.write(f"No reading of a device {device!r} was found.")
            else:
                answer = audit(settings.BUFFER_URLS, minute)
                books, expired, complaints = answer.total, answer.expired, answer.complaints
        except (redis.RedisError, OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        balanced = not complaints and books.missing == 0
        document = asdict(books) | {"expired": expired, "balanced": balanced}
        self.stdout.write(json.dumps(document) if options["json"] else _table(books, expired, balanced))
        for complaint in complaints:
            self.stderr.write(complaint)
        if not balanced:
            sys.exit(1)


def _minute(since: str | None) -> int:
    if since is None:
        return 0
    try:
        micros = microseconds(float(since))
    except ValueError:
        micros = microseconds(since)
    if micros is None:
        raise CommandError(f"--since {since!r} is neither ISO 8601 nor seconds since 1970.", returncode=2)
    return micros // 60_000_000


def _table(books: Books, expired: int | None, balanced: bool) -> str:
    rows = [f"{name.replace('_', ' '):<12}{count:>15,}" for name, count in asdict(books).items()]
    if expired is not None:
        rows.append(f"{'expired':<12}{expired:>15,}  of the quarantined, and no longer kept")
    verdict = "balanced" if balanced else "NOT balanced" + (f": {books.missing:,} missing" if books.missing else "")
    return "\n".join([*rows, verdict])
