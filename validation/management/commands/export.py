"""`manage.py export`: stored readings of a model as CSV or Parquet."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import psycopg
from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError

from validation.exports import RowsQuery, RowStream, Unknown, checksum, rows_query, size, to_parquet
from validation.moments import microseconds, moment

EXAMPLES = """examples:
  manage.py export vehicle > vehicle.csv
  manage.py export vehicle --format parquet --out vehicle.parquet
  manage.py export vehicle --start 2026-11-01 --end 2026-11-02T12:00 --device vehicle_01 --field speed
  manage.py export vehicle --size                  how many rows and bytes it would be
  manage.py export vehicle --checksum --json       to compare with where it was imported

exit codes: 0 done, 1 failed, 2 wrong usage, 3 a service cannot be reached, 130 interrupted
"""
PROGRESS_S = 0.5  # between two lines of progress


class Command(BaseCommand):
    """Export readings."""

    requires_system_checks = ("settings",)
    help = (
        "Write the stored readings of a model to standard output or a file, by time, device and sequence. However many "
        "there are, memory stays as it is. `manage.py import` reads the file back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("model", metavar="MODEL")
        parser.add_argument("--format", choices=("csv", "parquet"), default="csv")
        parser.add_argument("--start", metavar="T", help="from then on: ISO 8601 (UTC) or seconds since 1970")
        parser.add_argument("--end", metavar="T", help="until then, which is included")
        parser.add_argument("--device", metavar="D", action="append", default=[], help="of this one; repeat for more")
        parser.add_argument("--tag", metavar="T", action="append", default=[], help="of devices that have this tag")
        parser.add_argument("--field", metavar="F", action="append", default=[], help="with this one; repeat for more")
        parser.add_argument("--out", metavar="FILE", type=Path, help="in place of standard output")
        parser.add_argument("--size", action="store_true", help="only say how many rows and bytes it would be")
        parser.add_argument("--checksum", action="store_true", help="only say the sum over all rows")
        parser.add_argument("--json", action="store_true", help="print what is said as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export, or say what was asked."""
        try:
            query = rows_query(
                options["model"],
                options["field"],
                options["device"],
                moment_of("--start", options["start"]),
                moment_of("--end", options["end"]),
                options["tag"],
            )
            self._answer(query, options)
        except Unknown as error:
            raise CommandError(str(error), returncode=2) from error
        except BrokenPipeError:
            sys.stderr.close()  # whoever reads has seen enough, and so must not be told of it at the end
            sys.exit(1)
        except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        except psycopg.Error as error:
            raise CommandError(f"PostgreSQL stopped it: {error}") from error
        except KeyboardInterrupt:
            sys.exit(130)

    def _answer(self, query: RowsQuery, options: dict[str, Any]) -> None:
        if options["size"]:
            found = size(query, options["format"])
            about = "about " if found.estimated else ""
            words = f"{about}{found.rows:,} rows, about {found.bytes:,} bytes"
            self.stdout.write(json.dumps(found._asdict()) if options["json"] else words)
        elif options["checksum"]:
            total = checksum(query)
            words = f"{total.checksum}  {total.rows:,} rows"
            self.stdout.write(json.dumps(total._asdict()) if options["json"] else words)
        else:
            self._write(query, options)

    def _write(self, query: RowsQuery, options: dict[str, Any]) -> None:
        began, written = time.monotonic(), 0
        shown = began
        with _opened(options["out"]) as file, closing(_made(query, options["format"])) as blocks:
            for block in blocks:
                file.write(block)
                written += len(block)
                if time.monotonic() - shown > PROGRESS_S and sys.stderr.isatty():
                    shown = time.monotonic()
                    self.stderr.write(f"\r{written / 1e6:,.0f} MB", ending="")
                    self.stderr.flush()
            file.flush()
        seconds = time.monotonic() - began
        if options["json"]:
            self.stderr.write(json.dumps({"bytes": written, "seconds": round(seconds, 3)}))
        else:
            self.stderr.write(f"\r{written:,} bytes in {seconds:.1f} s")


def _made(query: RowsQuery, form: str) -> Generator[bytes]:
    stream = RowStream(query, guarded=form == "csv")
    return stream.blocks() if form == "csv" else to_parquet(query, stream.blocks())


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[bytes]]:
    """Give what to write to. A file has its name only once it is whole."""
    if out is None:
        with open(sys.stdout.fileno(), "wb", closefd=False) as file:
            yield file
        return
    part = out.with_name(f"{out.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(out)
    except OSError as error:
        raise CommandError(f"{out} cannot be written: {error.strerror}", returncode=2) from error
    finally:
        part.unlink(missing_ok=True)


def moment_of(option: str, text: str | None) -> datetime | None:
    """Return the moment that an option names; a day alone is its beginning (UTC). Raises CommandError."""
    if text is None:
        return None
    try:
        micros = microseconds(float(text))
    except ValueError:
        micros = microseconds(text if "T" in text or " " in text else f"{text}T00:00")
    if micros is None:
        raise CommandError(f"{option} {text!r} is neither ISO 8601 nor seconds since 1970.", returncode=2)
    return moment(micros)
