"""Devices that fell silent: a finding from the last that came of them until they are heard of again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ingest.leader import Leadership
from insights.detection.absence import LEAST_S, missing
from insights.detection.events import begun
from insights.models import Finding
from insights.watching import keeping
from insights.watching.feedback import MOST, Series
from insights.watching.reading import News
from insights.watching.state import Key, Watched

# A device that was silent for a day when we began to look is away for good, or was never here: its readings were
# imported. So were those that came long after they were measured.
GONE_S, LATE_S = 86_400.0, 600.0
# Of so many devices, more than half of which fell silent since, none is at fault: the way here is.
SEVERAL, SHARE = 4, 0.5


@dataclass(slots=True)
class Silences:
    """The devices whose silence is an open finding, and since when (microseconds since 1970)."""

    open: dict[Key, int] = field(default_factory=dict)
    _is_loaded: bool = False

    def sweep(
        self,
        model: int,
        news: News,
        states: Mapping[Key, Watched],
        factors: Mapping[Series, float],
        now: float,
        leadership: Leadership | None,
    ) -> int:
        """Begin and end the findings of a model; return how many began. `now` in seconds since 1970."""
        if not self._is_loaded:
            self.open, self._is_loaded = _stored(), True
        seen = dict(zip(news.devices.tolist(), news.seen.tolist(), strict=True))
        back = [key for key, start in self.open.items() if key[0] == model and seen.get(key[1], start) > start]
        begin = self._begun(model, news, states, factors, now)
        if back or begin:
            with keeping.writing(leadership):
                keeping.write_findings(begin)
                _end(model, {device: seen[device] for _, device in back})
        for key in back:
            del self.open[key]
        self.open |= {(model, row.device_id): keeping.micros(row.start) for row in begin}
        return len(begin)

    def _begun(
        self,
        model: int,
        news: News,
        states: Mapping[Key, Watched],
        factors: Mapping[Series, float],
        now: float,
    ) -> list[Finding]:
        silent = now - news.seen / 1e6
        is_here = (silent < GONE_S) & (news.received - news.newest < LATE_S * 1e6)
        rows = []
        alive = 0
        for place in np.flatnonzero(is_here).tolist():
            device = int(news.devices[place])
            state = states.get((model, device))
            if (model, device) in self.open or state is None or not state.is_known:
                continue
            alive += 1
            if silent[place] * MOST < LEAST_S:
                continue
            last, interval = float(news.seen[place] / 1e6), float(news.intervals[place])
            verdict = missing(last, now, interval, interval, factors.get((model, device, ""), 1.0))
            if verdict is not None:
                began = begun(verdict)
                row = keeping.finding_row((model, device), "", began, is_open=True, by=Finding.By.SILENCE)
                row.start = keeping.instant(last)
                rows.append(row)
        if alive >= SEVERAL and len(rows) > SHARE * alive:
            return []
        return rows


def _stored() -> dict[Key, int]:
    rows = Finding.objects.filter(by=Finding.By.SILENCE, open=True).values_list("model_id", "device_id", "start")
    return {(model, device): keeping.micros(start) for model, device, start in rows}


def _end(model: int, heard: Mapping[int, int]) -> None:
    """End the silences of some devices, each when it was heard of (microseconds since 1970)."""
    rows = list(Finding.objects.filter(by=Finding.By.SILENCE, open=True, model_id=model, device_id__in=list(heard)))
    for row in rows:
        row.open, row.end = False, keeping.instant(heard[row.device_id] / 1e6)
    Finding.objects.bulk_update(rows, ("open", "end"), batch_size=keeping.EACH)
