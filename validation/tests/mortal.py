"""A worker process that does not survive a certain message, or stops in the middle of one: run by the tests.

    python -m validation.tests.mortal BUFFER-URL die|wait

It drains the buffer once, with the settings and the database of its environment, and ends with 0 when it gets so far.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

MARK = b"deadly"
DIED = 9


def start(url: str, how: str) -> subprocess.Popen[str]:
    """Start such a process on the tests' own database."""
    from django.conf import settings
    from django.db import connection

    database = settings.DATABASE_URL.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    return subprocess.Popen(
        [sys.executable, "-m", "validation.tests.mortal", url, how],
        env=os.environ | {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "dataflow.settings"},
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def main(url: str, how: str) -> None:
    """Drain the buffer, if it goes well."""
    import django

    django.setup()
    from ingest.ring import connect, identify
    from validation import writing
    from validation.drain import Drain
    from validation.streams import StreamReader

    judge = vars(writing)["judge"]

    def mortal(batches: Any, *more: Any) -> Any:
        if any(MARK in payload for batch in batches for payload in batch.payloads):
            if how == "die":
                os._exit(DIED)
            print("in the middle", flush=True)
            time.sleep(600)
        return judge(batches, *more)

    vars(writing)["judge"] = mortal
    with connect(url) as client:
        while Drain().run(StreamReader(client), identify(url), seconds=5):
            pass


if __name__ == "__main__":
    main(*sys.argv[1:])
