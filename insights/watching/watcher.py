"""The watcher: in turns it takes what was stored since, and feeds it to the detectors.

It stands beside the way of the data. It goes forward in event time, device by device, from the place that each was
looked at to, so nothing has to be sent to it and nothing waits for it; what comes late, before that place, is not
looked at. States stay in memory and are written with each finding and every few minutes. After a restart it goes on
from what was written, and finds in the same readings what it found before.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np

from ingest.leader import Leadership
from insights.models import Finding
from insights.watching import keeping
from insights.watching.counting import Counts
from insights.watching.feedback import sensitivities
from insights.watching.reading import AHEAD, News, Piece, news_of, read, watched_fields
from insights.watching.state import Key, Watched
from validation.models import DataModel
from validation.selectors import model_specs
from validation.spec import ModelSpec

ROWS = 4_000  # readings of one chunk: some 0.2 s with four fields each
# Readings of one device in a chunk: so few that a device that is behind keeps none waiting.
EACH_LEAST, EACH_MOST = 40, 1_000
SAVE_S = 300.0  # seconds until a state is written without a finding: so much is looked at again after a crash
# Readings from which on a state is written: fewer are read again sooner than that, and a million devices that send once
# each must not leave a million states behind.
WORTH_KEEPING = 60
KNOWN_S = 10.0  # seconds for which models and what people said are not asked for again
# A device that is new to the watcher is learned from its last stretch: an hour is what a detector needs.
LEARN_S, LEARN_READINGS = 2 * 3_600.0, 500
# What is farther behind is given up where there is so much of it that catching up would take a quarter of an hour.
FAR_S, BACKLOG = 3_600.0, 20_000_000
MOST_SERIES = 20_000  # detectors in memory, 14 KB each; others are read again when their readings come
Places = dict[Key, tuple[int, int]]  # of devices: event time and sequence number of the newest reading


@dataclass(slots=True)
class Watcher:
    """What the process keeps between turns. `leadership` is what its writes are fenced with, None in tests."""

    leadership: Leadership | None = None
    counts: Counts = field(default_factory=Counts)
    states: dict[Key, Watched] = field(default_factory=dict)
    specs: dict[int, ModelSpec] = field(default_factory=dict)
    factors: dict[tuple[int, int, str], float] = field(default_factory=dict)
    _is_loaded: bool = False
    _asked_at: float = float("-inf")
    _turn: int = 0

    def run(self, seconds: float) -> bool:
        """Look at what is new until nothing is or time is up; say whether there is more.

        Blocks for a chunk longer than `seconds` at most. After whatever is raised it goes on from what is stored.
        """
        deadline = time.monotonic() + seconds
        try:
            self.refresh()
            behind = [self._advance(model, deadline) for model in self.specs]
            self._save_due()
        except BaseException:
            self.forget()
            raise
        self.counts.behind_s = max(behind, default=0.0)
        return time.monotonic() >= deadline and self.counts.behind_s > 0

    def save(self) -> None:
        """Write all that is known, as before an end in order."""
        changed = {key: state for key, state in self.states.items() if state.is_changed and _is_worth_keeping(state)}
        with keeping.writing(self.leadership):
            keeping.write_states(changed)

    def forget(self) -> None:
        """Forget all that is in memory: what is stored counts."""
        self.states, self._is_loaded, self._asked_at = {}, False, float("-inf")

    def refresh(self) -> None:
        """Ask for models, what people said and, the first time, for how far each device was looked at."""
        if not self._is_loaded:
            self.states, self._is_loaded = keeping.places(), True
        if time.monotonic() < self._asked_at + KNOWN_S:
            return
        ids = dict(DataModel.objects.values_list("name", "id"))
        self.specs = {ids[name]: spec for name, spec in model_specs().items() if name in ids}
        self.factors = sensitivities()
        self._asked_at = time.monotonic()

    def _advance(self, model: int, deadline: float) -> float:
        """Look at the news of a model; return by how many seconds of its own time the last device is behind."""
        news = news_of(model)
        horizon = min(round(time.time() * 1e6) + int(AHEAD.total_seconds() * 1e6), 2**62)
        waiting = self._waiting(model, news, horizon)
        while waiting:
            self._turn += 1
            chunk, each = _chunk(waiting)
            more = self._look(model, {key: waiting.pop(key) for key in chunk}, each, horizon)
            waiting |= more  # at the end: nobody waits for a device that is far behind
            if time.monotonic() >= deadline:
                break
        return max(((end - self.states[key].micros) / 1e6 for key, (end, _) in waiting.items()), default=0.0)

    def _waiting(self, model: int, news: News, horizon: int) -> Places:
        """Return the devices with readings to look at and where those end, who has waited longest first."""
        found: Places = {}
        ends = np.minimum(news.newest, horizon).tolist()
        backlog = 0.0
        rows = zip(news.devices.tolist(), ends, news.seqs.tolist(), news.intervals.tolist(), strict=True)
        for device, end, seq, interval in rows:
            key = model, device
            state = self.states.get(key)
            if state is None:
                begin = end - round(max(LEARN_S, LEARN_READINGS * interval) * 1e6)
                state = self.states[key] = Watched(begin, begin, -1)
            if (state.micros, state.seq) < (end, seq):
                found[key] = end, seq
                backlog += (end - state.micros) / 1e6 / interval
        if backlog > BACKLOG:
            self._skip(found)
        return dict(sorted(found.items(), key=lambda item: self.states[item[0]].turn))

    def _skip(self, found: Places) -> None:
        for key, (end, _) in found.items():
            state = self.states[key]
            if end - state.micros > FAR_S * 1e6:
                state.micros, state.seq, state.is_changed = end - round(FAR_S * 1e6), -1, True
                self.counts.skipped += state.readings > 0  # a new device only begins later

    def _look(self, model: int, chunk: dict[Key, tuple[int, int]], each: int, horizon: int) -> Places:
        """Feed one chunk of readings to their detectors, write what follows from it; return who may have more."""
        spec = self.specs[model]
        states = {key: self.states[key] for key in chunk}
        keeping.fill(states, model, [one.name for one in watched_fields(spec)])
        found: list[Finding] = []
        saved: dict[Key, Watched] = {}
        pieces = {
            (model, piece.device): piece
            for piece in read(spec, {device: state for (_, device), state in states.items()}, horizon, each)
        }
        for key, state in states.items():
            rows = self._feed(key, pieces[key]) if key in pieces else []
            if rows or (not state.saved_at and _is_worth_keeping(state)):
                saved[key] = state
            found += rows
            state.turn = self._turn
        more = {key: end for key, end in chunk.items() if key in pieces and len(pieces[key].times) == each}
        for key in chunk.keys() - more.keys():
            # All up to the newest reading was read: what is not there has been removed, or lies ahead.
            state, end = states[key], chunk[key]
            if (state.micros, state.seq) < end and end[0] < horizon:
                (state.micros, state.seq), state.is_changed = end, True
        if saved:
            with keeping.writing(self.leadership):
                keeping.write_findings(found)
                keeping.write_states(saved)
        return more

    def _feed(self, key: Key, piece: Piece) -> list[Finding]:
        state = self.states[key]
        found: list[Finding] = []
        for name, values in piece.values.items():
            series = state.series_of(name)
            for noted in series.feed(piece.times, values, self.factors.get((*key, name), 1.0)):
                self.counts.findings += noted.is_new
                found.append(keeping.finding_row(key, name, noted.event, is_open=noted.is_open, by=Finding.By.SERIES))
            self.counts.suppressed += series.suppressed
            series.suppressed = 0
        state.micros, state.seq, state.is_changed = piece.micros, piece.seq, True
        state.readings += len(piece.times)
        state.learning_until = state.learns_until()
        self.counts.readings += len(piece.times)
        self.counts.values += len(piece.times) * len(piece.values)
        return found

    def _save_due(self) -> None:
        """Write states that are old, and let those go from memory that have not been needed for longest."""
        old = time.monotonic() - SAVE_S
        due = {
            key: state
            for key, state in self.states.items()
            if state.is_changed and state.saved_at < old and _is_worth_keeping(state)
        }
        there = [(key, state) for key, state in self.states.items() if state.series]
        many = sum(len(state.series or ()) for _, state in there)
        leaving: list[Watched] = []
        if many > MOST_SERIES:
            for key, state in sorted(there, key=lambda item: item[1].turn):
                many -= len(state.series or ())
                leaving.append(state)
                if state.is_changed and _is_worth_keeping(state):
                    due[key] = state
                if many <= MOST_SERIES:
                    break
        if due:
            with keeping.writing(self.leadership):
                keeping.write_states(due)
        for state in leaving:
            state.series = None


def _is_worth_keeping(state: Watched) -> bool:
    return state.saved_at > 0.0 or state.readings >= WORTH_KEEPING


def _chunk(waiting: Places) -> tuple[list[Key], int]:
    """Return the devices of a chunk, and how many readings of each it may have."""
    each = min(EACH_MOST, max(EACH_LEAST, ROWS // len(waiting)))
    return list(waiting)[: max(1, ROWS // each)], each
