"""How much memory each process takes over a long run, and whether that grows."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import psutil

LOOK_S = 2.0
WARM_S = 30.0  # a process that has just started grows until it has loaded and met everything
JUDGED_S = 120.0  # of samples below which a slope is chance
FLAT_MB_PER_MINUTE = 2.0
Sample = tuple[float, float]  # seconds since the process began, megabytes


@dataclass(frozen=True, slots=True)
class Grown:
    """What the processes of one name came to."""

    name: str
    lives: int  # processes that had this name, one after another
    seconds: float  # that were looked at, all lives together
    most_mb: float
    slope: float  # megabytes a minute, within the lives

    @property
    def is_flat(self) -> bool:
        """Tell whether it does not grow, or was not looked at for long enough to tell."""
        return self.seconds < JUDGED_S or self.slope <= FLAT_MB_PER_MINUTE

    def __str__(self) -> str:
        slope = f"{self.slope:+.2f} MB a minute" if self.seconds >= JUDGED_S else "too short for a slope"
        return f"{self.name}: {slope} in {self.seconds:.0f} s of {self.lives} lives, at most {self.most_mb:.0f} MB"


def grown(name: str, lives: Iterable[list[Sample]]) -> Grown:
    """Return what came of a name: one slope for all lives, each against its own mean, so that a restart is no fall."""
    every = [life for life in lives if life]
    warm = [[sample for sample in life if sample[0] >= WARM_S] for life in every]
    above = below = seconds = 0.0
    for life in (life for life in warm if len(life) > 1):
        age, size = fmean(at for at, _ in life), fmean(mb for _, mb in life)
        above += sum((at - age) * (mb - size) for at, mb in life)
        below += sum((at - age) ** 2 for at, _ in life)
        seconds += life[-1][0] - life[0][0]
    most = max((mb for life in every for _, mb in life), default=0.0)
    return Grown(name, len(every), seconds, most, 60 * above / below if below else 0.0)


class Memory:
    """Looks at processes every two seconds, from a thread of its own, for the length of a `with` block."""

    def __init__(self, find: Callable[[], Mapping[str, psutil.Process]]) -> None:
        """`find` returns the processes that there are now, by name."""
        self._find = find
        self._lives: dict[tuple[str, int], list[Sample]] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *of: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def result(self) -> list[Grown]:
        """Return what each name came to."""
        lives = dict(self._lives)
        names = sorted({name for name, _ in lives})
        return [grown(name, [life for (whose, _), life in lives.items() if whose == name]) for name in names]

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_S):
            for name, process in self._find().items():
                try:
                    size, age = process.memory_info().rss / 1e6, time.time() - process.create_time()
                except psutil.Error:
                    continue  # it was killed between
                self._lives.setdefault((name, process.pid), []).append((age, size))
