"""Show that a process is at work, and look from outside whether it is.

    Heartbeat(data_dir, "bridge").beat()                            in the loop: touches DATA_DIR/run/bridge
    python -I -S dataflow/lib/heartbeat.py FILE --max-age 30        from outside: exits with 0 while FILE is young

A process that hangs stops touching its file, which neither its process id nor an open port would show. Looking costs
some 30 ms of a processor, because this file needs the standard library only and no Django has to start.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER = "run"  # below DATA_DIR
EVERY_S = 1.0  # between two touches, so that the busiest loop may call as often as it likes

USAGE = "usage: heartbeat.py FILE-OR-FOLDER --max-age SECONDS"


class Heartbeat:
    """Touches a file. One per thread of work; not thread-safe."""

    def __init__(self, data_dir: Path, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = data_dir / FOLDER / name
        self._clock = clock
        self._next = 0.0
        self._failing = False

    def beat(self) -> None:
        """Touch the file, once a second at most. Never raises: a full disk must not stop the work."""
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_S
        try:
            self._touch()
        except OSError as error:
            if not self._failing:
                log.warning("cannot show that this process is at work, so it will be taken for dead: %s", error)
            self._failing = True
        else:
            self._failing = False

    def _touch(self) -> None:
        try:
            self.path.touch()
        except FileNotFoundError:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch()


def age(path: Path) -> float | None:
    """Return for how many seconds a file, or the newest file of a folder, has been left alone; None without a file."""
    times = [at for file in (path.iterdir() if path.is_dir() else [path]) if (at := _touched_at(file)) is not None]
    # A time ahead of the clock means that the clock has been set back since; it proves nothing either.
    return abs(time.time() - max(times)) if times else None


def _touched_at(file: Path) -> float | None:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # never there, or removed since the folder was read
        return None


def main(arguments: list[str]) -> int:
    """Return 0 when the file is younger than the given age, 1 when it is not, 2 on wrong usage."""
    match arguments:
        case [path, "--max-age", seconds] if seconds.isdecimal():
            found = age(Path(path))
        case _:
            print(USAGE, file=sys.stderr)
            return 2
    if found is None:
        print(f"{path}: no sign of life yet")
        return 1
    print(f"{path}: last sign of life {found:.0f} s ago")
    return 0 if found <= int(seconds) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
