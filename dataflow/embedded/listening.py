"""Notice a process that runs and does nothing, and have it started again."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Protocol

from dataflow.embedded.output import Output
from dataflow.embedded.program import SignOfLife

LOOK_S = 5.0  # between two looks


class Watched(Protocol):
    """A process that is kept running."""

    name: str
    restarts: int

    @property
    def pid(self) -> int | None:
        """Return its id while it runs."""

    def end_by_force(self) -> None:
        """Kill it; whoever keeps it running starts it again."""


async def listen(child: Watched, sign: SignOfLife, output: Output) -> None:
    """Kill a process when it shows no sign of life although there is work for it, for as long as nobody cancels.

    Only whether the file changes is looked at, and never its time: clocks may be set.
    """
    seen, changed = None, time.monotonic()
    while True:
        await asyncio.sleep(min(LOOK_S, sign.patience_s / 4))
        found = (child.restarts, _stamp(sign.file))
        if found != seen or not child.pid:
            seen, changed = found, time.monotonic()
        elif time.monotonic() - changed > sign.patience_s and await asyncio.to_thread(sign.has_work):
            output.say(f"did nothing for {sign.patience_s:g} s although there is work: killed", child.name)
            child.end_by_force()
            changed = time.monotonic()


def _stamp(file: Path) -> int | None:
    """Return when a file was touched, None when it was not."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None
