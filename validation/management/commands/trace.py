"""`manage.py trace`: follow one reading through every hop."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import redis
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from ingest.buffers import ring_urls
from validation.audit.books import named
from validation.moments import microseconds, moment
from validation.selectors import TooSlow
from validation.trace import Found, Trace, trace

EXAMPLES = """examples:
  manage.py trace vehicle_03 2026-11-21T08:00:00.250
  manage.py trace vehicle_03 1795248000.25 --json
  manage.py trace vehicle_03 2026-11-21T08:00:00 --model vehicle --seq 1742

TIME is the reading's own: ISO 8601 (UTC unless a zone is given), or seconds since 1970. The nearest reading within a
second is followed: stored, in quarantine, or still in a buffer.

exit codes: 0 found, 1 not found or several, 2 wrong usage, 3 a service cannot be reached
"""


class Command(BaseCommand):
    """Follow one reading."""

    requires_system_checks = ("settings",)
    help = "Follow one reading through every hop, with times, buffer, entry, version and verdict."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("device", metavar="DEVICE")
        parser.add_argument("time", metavar="TIME", help="event time: ISO 8601 or seconds since 1970")
        parser.add_argument("--model", metavar="M", help="only readings of this model")
        parser.add_argument("--seq", type=int, metavar="N", help="only the reading with this sequence number")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, device: str, time: str, model: str | None, seq: int | None, **options: Any) -> None:
        """Trace, print, and exit with 1 when no single reading was found."""
        at = _moment(time)
        try:
            found = trace(ring_urls(), device, at, model=model, seq=seq)
        except (redis.RedisError, OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        except TooSlow as error:
            raise CommandError(f"That took longer than {error}: name the model.") from error
        self.stdout.write(json.dumps(asdict(found), default=_plain) if options["json"] else _told(found))
        for sentence in found.advice:
            self.stderr.write(sentence)
        if found.reading is None:
            sys.exit(1)


def _moment(text: str) -> datetime:
    try:
        micros = microseconds(float(text))
    except ValueError:
        micros = microseconds(text)
    if micros is None:
        raise CommandError(f"TIME {text!r} is neither ISO 8601 nor seconds since 1970.", returncode=2)
    return moment(micros)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _told(found: Trace) -> str:
    said = []
    if found.reading is not None:
        said.append(_line(found.reading))
        said += [
            f"  {_time(hop.at):<27} {hop.name:<11} {hop.words}{_details(hop.details)}" for hop in found.reading.hops
        ]
        if found.reading.repeats:
            said.append(f"  It came {found.reading.repeats} more times and was not stored twice.")
        said += [f"  refused: {reason['detail']} ({reason['code']})" for reason in found.reading.reasons]
        if found.reading.values is not None:
            said.append(f"  values: {json.dumps(found.reading.values, default=_plain)}")
    if found.candidates:
        said.append("Others near that time:")
        said += [f"  {_line(item)}" for item in found.candidates]
    return "\n".join(said)


def _line(item: Found) -> str:
    seq = "" if item.seq is None else f", sequence {item.seq}"
    version = "" if item.version is None else f" v{item.version}"
    return f"{item.device} at {_time(item.ts)}{seq}, {item.model or 'no model'}{version}: {item.state}"


def _time(at: datetime | None) -> str:
    return "(time not known)" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"


def _details(details: dict[str, Any]) -> str:
    said = details | ({"minute": named(details["minute"])} if "minute" in details else {})
    shown = ", ".join(f"{name} {said[name]}" for name in ("buffer", "entry", "minute", "sequence") if name in said)
    return f" ({shown})" if shown else ""
