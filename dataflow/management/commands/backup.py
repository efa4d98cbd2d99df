"""`manage.py backup`: write the database into one file, while everything runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dataflow.backup.errors import BackupError
from dataflow.backup.making import Made, make, path_of
from dataflow.backup.server import servers
from dataflow.embedded.probes import Unreachable
from dataflow.lib.commands import ExplainedCommand
from ingest.buffers import ring_urls

FAILED, NO_SERVICE, INTERRUPTED = 1, 3, 130

EXPLANATION = """\
Writes one moment of the database (users, models, readings, quarantine, ledger) into one file, while everything goes on.
The file says by itself whether it is whole; `manage.py restore` brings it back. Uses pg_dump where a fitting one is
installed, and else COPY. Without DATABASE_URL and a running stack, it starts the embedded PostgreSQL of DATA_DIR for
the while. The file holds everything that the database holds, so it is readable by its owner only: keep it that way.

examples:
  manage.py backup /backups                      a file in that folder, named by the time
  manage.py backup before-upgrade.backup --json  what was written, for a program
  manage.py backup /backups --method copy        a file that needs no pg_restore to come back

exit codes: 0 done, 1 failed, 2 wrong usage, 3 a service cannot be reached, 130 interrupted
"""


class Command(ExplainedCommand):
    """Make a backup."""

    help = EXPLANATION
    # Nothing but the database is needed; what is missing of that is said here.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare where to and how."""
        parser.add_argument("path", type=Path, metavar="FILE|FOLDER", help="a new file, or the folder for it")
        parser.add_argument("--method", choices=("pg_dump", "copy"), help="instead of what is installed")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, path: Path, method: Any, **options: Any) -> None:
        """Make the backup and print what it holds."""
        began = time.monotonic()
        try:
            with servers(
                settings.DATABASE_URL, ring_urls(), Path(settings.DATA_DIR), fresh=False, say=self.stderr.write
            ) as where:
                made = make(where.database, where.buffers, path_of(path), method, self.stderr.write)
        except Unreachable as error:
            raise CommandError(f"The database cannot be reached: {error}", returncode=NO_SERVICE) from error
        except (BackupError, psycopg.Error, OSError) as error:
            raise CommandError(f"No backup was made: {error}", returncode=FAILED) from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted: no backup was made.", returncode=INTERRUPTED) from error
        seconds = time.monotonic() - began
        if options["json"]:
            self.stdout.write(json.dumps(document(made) | {"seconds": round(seconds, 2)}))
        else:
            manifest = made.manifest
            self.stdout.write(
                f"{made.path}: {manifest.rows:,} rows of {len(manifest.tables)} tables, {made.size / 1e6:,.1f} MB, "
                f"as of {manifest.made:%Y-%m-%d %H:%M:%S} UTC, in {seconds:.1f} s\nseal {made.seal}"
            )


def document(made: Made) -> dict[str, Any]:
    """Return a backup as a JSON document."""
    manifest = made.manifest
    return {
        "file": str(made.path),
        "bytes": made.size,
        "seal": made.seal,
        "made": manifest.made.isoformat(),
        "method": manifest.method,
        "program": manifest.program,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "waiting": {buffer.id: buffer.messages for buffer in manifest.buffers},
        "silent": manifest.silent,
    }
