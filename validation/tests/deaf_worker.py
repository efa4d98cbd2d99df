"""A Celery worker that becomes deaf: a task that never ends keeps it. Run by the tests, with less patience than usual.

python -m validation.tests.deaf_worker NAME
"""

from __future__ import annotations

import sys
import time

from celery import shared_task

TASK = "tests.deafen"


@shared_task(name=TASK)  # type: ignore[untyped-decorator]
def deafen() -> None:
    """Hear nothing any more."""
    time.sleep(600)


def main(name: str) -> None:
    """Run the worker."""
    import dataflow.celery as wiring
    from validation import vitals

    class Impatient(vitals.Vitals):
        def __init__(self, url: str, kind: str, name: str, queues: tuple[str, ...] = ()) -> None:
            super().__init__(url, kind, name, queues, deaf_s=2.0)

    vars(wiring)["Vitals"] = Impatient
    wiring.app.worker_main(["worker", "-P", "solo", "-n", name, "--without-mingle", "--without-gossip", "-l", "error"])


if __name__ == "__main__":
    main(*sys.argv[1:])
