"""`manage.py restore`: bring a backup back."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dataflow.backup.errors import BackupError
from dataflow.backup.manifest import Manifest
from dataflow.backup.restoring import Restored, read_manifest, restore
from dataflow.backup.server import servers
from dataflow.embedded.probes import Unreachable
from dataflow.lib.commands import ExplainedCommand
from ingest.buffers import ring_urls

FAILED, WRONG_USAGE, NO_SERVICE, INTERRUPTED = 1, 2, 3, 130

EXPLANATION = """\
Brings back what `manage.py backup` wrote: checks the file from its first byte to its last, builds the tables, counts
every row, runs the migrations that are newer than the backup, and says what the buffers did in between. Refuses a file
that was cut short or altered, a database that is not empty, and one that somebody uses: stop the platform first.
docs/backup.md says what a restore means for the books, and what to do with the buffers.

examples:
  manage.py restore dataflow-20261121T050000Z.backup          into DATABASE_URL, which must be empty
  manage.py restore FILE --yes                                the same, replacing what is there
  manage.py restore FILE --into postgres://…/rehearsal        into another database, created when it is missing
  manage.py restore FILE --dry-run                            check the file and change nothing

Without DATABASE_URL and a running stack, it starts the embedded PostgreSQL of DATA_DIR for the while.

exit codes: 0 done, 1 failed or refused, 2 wrong usage, 3 a service cannot be reached, 130 interrupted
"""


class Command(ExplainedCommand):
    """Restore a backup."""

    help = EXPLANATION
    # Nothing but the database is needed; what is missing of that is said here.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare from where, where to, and how."""
        parser.add_argument("path", type=Path, metavar="FILE", help="what `manage.py backup` wrote")
        parser.add_argument("--into", metavar="DATABASE_URL", default="", help="another database than DATABASE_URL")
        parser.add_argument("--yes", action="store_true", help="remove what the database holds")
        parser.add_argument("--dry-run", action="store_true", help="check the file and change nothing")
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *args: Any, path: Path, into: str, **options: Any) -> None:
        """Restore and print what came back."""
        if into and not into.startswith(("postgres://", "postgresql://")):
            raise CommandError("--into must start with postgres://.", returncode=WRONG_USAGE)
        began = time.monotonic()
        try:
            if options["dry_run"]:
                answer = said_of(*read_manifest(path))
            else:
                answer = said_of_restored(self._restore(path, into, replace=options["yes"]))
        except Unreachable as error:
            raise CommandError(f"The database cannot be reached: {error}", returncode=NO_SERVICE) from error
        except (BackupError, psycopg.Error, OSError) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted.", returncode=INTERRUPTED) from error
        answer["seconds"] = round(time.monotonic() - began, 2)
        self.stdout.write(json.dumps(answer) if options["json"] else text(answer))

    def _restore(self, path: Path, into: str, *, replace: bool) -> Restored:
        say = self.stderr.write
        database = into or settings.DATABASE_URL
        with servers(database, ring_urls(), Path(settings.DATA_DIR), fresh=True, say=say) as where:
            restored = restore(path, where.database, where.buffers, replace=replace, say=say)
        say(restored.restoration.sentence)
        return restored


def said_of(manifest: Manifest, seal: str) -> dict[str, Any]:
    """Return what a backup holds as a JSON document."""
    return {
        "made": manifest.made.isoformat(),
        "seal": seal,
        "program": manifest.program,
        "tables": len(manifest.tables),
        "rows": manifest.rows,
        "waited": {buffer.id: buffer.messages for buffer in manifest.buffers},
    }


def said_of_restored(restored: Restored) -> dict[str, Any]:
    """Return what was restored as a JSON document."""
    return said_of(restored.manifest, restored.seal) | {
        "restored": restored.restoration.at.isoformat(),
        "migrated": restored.migrated,
        "buffers": [asdict(moved) for moved in restored.buffers],
        "silent": restored.silent,
        "audit_since": restored.restoration.minute * 60,
    }


def text(answer: dict[str, Any]) -> str:
    """Return the answer for people."""
    what = "restored" if "restored" in answer else "whole"
    lines = [f"{what}: {answer['rows']:,} rows of {answer['tables']} tables, as of {answer['made']}"]
    if answer.get("migrated"):
        lines.append(f"migrated: {', '.join(answer['migrated'])}")
    if "audit_since" in answer:
        lines.append(f"The books begin anew: manage.py audit --since {answer['audit_since']}")
    return "\n".join([*lines, f"in {answer['seconds']:.1f} s"])
