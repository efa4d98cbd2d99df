"""Rollups are what a computation from scratch comes to, whatever happens in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from ingest.models import Device
from validation.models import DataModel, Expired, RollupMark, RollupSpan
from validation.retention import removing
from validation.rollups import marks
from validation.rollups.levels import LEVELS
from validation.rollups.running import Roller
from validation.rollups.sql import REST
from validation.rollups.tables import parts
from validation.spec import FieldSpec
from validation.store import insert
from validation.tests.judging import NOW
from validation.tests.scratch import Bucket, Key, folded, rolled_up, scratch, stored_readings
from validation.tests.stored import publish_model
from validation.tests.test_store import FIELDS, IDS, VAN, Reading, columns_from, ready

pytestmark = pytest.mark.django_db(transaction=True)

# Around a midnight that is also the end of an hour: two days, some hours, some minutes of each.
MIDNIGHT = datetime.fromtimestamp(NOW, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
MOMENTS = [
    (MIDNIGHT + timedelta(minutes=minutes, seconds=seconds)).timestamp() - NOW
    for minutes in (-1440, -61, -60, -1, 0, 1, 59, 60, 725)
    for seconds in (0, 0.000001, 30, 59.999999)
]
AHEAD = replace(VAN, ahead_s=864_000)

values = st.fixed_dictionaries(
    {},
    optional={
        "number": st.floats(-1e9, 1e9) | st.sampled_from([0.1, 0.2, 0.3]),
        "integer": st.integers(-5, 5),
        "boolean": st.booleans(),
        "text": st.sampled_from(["a", "b", REST, "x" * 100, "x" * 101]),
        "choice": st.sampled_from(["ja", "né 🚐"]),
        "moment": st.just(0),
        "gps": st.just({"lat": 1, "lon": 2}),
    },
)
readings = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(MOMENTS), st.integers(0, 1), values), min_size=1, max_size=6
)


@dataclass(frozen=True)
class Act:
    """Something that happens to the table, to its rollups, or to both."""

    kind: Literal["store", "commit", "roll back", "delete", "correct", "roll up", "remove"]
    writer: int = 0
    readings: tuple[Reading, ...] = ()
    span: tuple[float, float] = (0, 0)
    device: str | None = None
    number: int = 1
    level: Literal["raw", "1m", "1h"] = "raw"


spans = st.tuples(st.sampled_from(MOMENTS), st.sampled_from(MOMENTS))
devices = st.none() | st.sampled_from("ab")
acts = st.lists(
    st.builds(Act, st.just("store"), st.integers(0, 1), readings.map(tuple))
    | st.builds(Act, st.just("store"), st.integers(0, 1), readings.map(tuple))
    | st.builds(Act, st.sampled_from(["commit", "roll back"]), st.integers(0, 1))
    | st.builds(Act, st.sampled_from(["delete", "correct"]), span=spans, device=devices)
    | st.builds(Act, st.just("roll up"), number=st.integers(1, 4))
    | st.builds(Act, st.just("remove"), level=st.sampled_from(["raw", "1m"])),
    max_size=14,
)


class Writer:
    """Somebody with a connection and a transaction of their own, in a thread of their own."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.do(lambda: connection.set_autocommit(False))

    def do(self, work: Callable[[], object]) -> None:
        self.thread.submit(work).result()

    def close(self) -> None:
        self.do(lambda: connection.close())
        self.thread.shutdown()


@dataclass
class Scene:
    """The table of a model, two writers, and what was rolled up of days whose readings are gone."""

    model: DataModel
    writers: list[Writer] = field(default_factory=lambda: [Writer(), Writer()])
    kept: dict[Key, Bucket] = field(default_factory=dict)
    roller: Roller = field(default_factory=lambda: Roller())

    def begin(self) -> None:
        for writer in self.writers:
            writer.do(lambda: connection.rollback())
        Expired.objects.all().delete()
        RollupMark.objects.all().delete()
        RollupSpan.objects.all().delete()
        self.kept.clear()
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM telemetry.van")
            for level in LEVELS:
                cursor.execute(f"DELETE FROM rollup.van_{level}")

    def play(self, act: Act) -> None:
        if act.kind == "store":
            self.store(act)
        elif act.kind in ("commit", "roll back"):
            commits = act.kind == "commit"
            self.writers[act.writer].do(lambda: connection.commit() if commits else connection.rollback())
        elif act.kind in ("delete", "correct"):
            self.change(act)
        elif act.kind == "roll up":
            for _ in range(act.number):
                self.roller._advance()
        else:
            self.remove(act.level)

    def store(self, act: Act) -> None:
        """Store readings, as the worker does; those of a day that retention removed do not pass."""
        removed = set(Expired.objects.filter(level="raw").values_list("day", flat=True))
        # What two writers store at once has different sequences: one would have to wait for the other.
        chosen = [
            (device, after, 10 * act.writer + seq, given)
            for device, after, seq, given in act.readings
            if moment_of(after).date() not in removed
        ]
        if not chosen:
            return
        columns = ready(columns_from(chosen, spec=AHEAD))

        def work() -> None:
            insert(columns)
            marks.mark_columns([(columns, self.model.pk)])

        self.writers[act.writer].do(work)

    def change(self, act: Act) -> None:
        """Delete or correct what is stored, as a person would."""
        start, end = sorted(map(moment_of, act.span))
        ids = None if act.device is None else [IDS[act.device]]
        where = "ts >= %s AND ts < %s" + (" AND device_id = ANY(%s)" if ids else "")
        done = "DELETE FROM telemetry.van" if act.kind == "delete" else "UPDATE telemetry.van SET number = 7.7"
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"{done} WHERE {where}", [start, end, *([ids] if ids else [])])
            marks.mark("van", ids, start, end)

    def remove(self, level: Literal["raw", "1m", "1h"]) -> None:
        """Have retention remove the older day of a level, when nobody is writing."""
        for writer in self.writers:
            writer.do(lambda: connection.commit())
        end = MIDNIGHT.date()
        while removing.is_needed(self.model, level, end - timedelta(days=1)):
            assert self.roller._advance()
        before = scratch(stored_readings(), 60)
        if level == "raw":
            old = [day for day in parts("van", "raw") if day < end]
            self.kept |= {key: found for key, found in before.items() if key[1].date() in old}
            removing._expire_readings(self.model, end)
        else:
            removing._expire_rollups(self.model, "1m", end)

    def finish(self) -> None:
        for writer in self.writers:
            writer.do(lambda: connection.commit())
        while self.roller.run(10, patient=False):
            pass

    def expected(self) -> dict[str, dict[Key, Bucket]]:
        minutes = scratch(stored_readings(), 60) | self.kept
        hours = folded(minutes, 3_600)
        return {"1m": minutes, "1h": hours, "1d": folded(hours, 86_400)}


def moment_of(after: float) -> datetime:
    return MIDNIGHT.fromtimestamp(round((NOW + after) * 1e6) / 1e6, UTC)


def row_of(spec: FieldSpec) -> dict[str, Any]:
    """Return a field as the form of a model has it."""
    said = {name: value for name, value in asdict(spec).items() if value}
    return {**said, "choices": ",".join(spec.choices)}


@pytest.fixture
def scene() -> Iterator[Scene]:
    publish_model("van", tuple(map(row_of, FIELDS)))
    Device.objects.bulk_create(Device(pk=key, name=name) for name, key in IDS.items())
    model = DataModel.objects.get(name="van")
    scene = Scene(model)
    scene.roller.run(1, patient=False)
    yield scene
    for writer in scene.writers:
        writer.close()


def test_any_interleaving_comes_to_what_a_computation_from_scratch_does(scene: Scene) -> None:
    @given(acts)
    @settings(max_examples=40)
    def check(played: list[Act]) -> None:
        scene.begin()
        for act in played:
            scene.play(act)
        scene.finish()
        expected = scene.expected()
        gone = set(Expired.objects.filter(level="1m").values_list("day", flat=True))
        assert rolled_up("1m") == {key: found for key, found in expected["1m"].items() if key[1].date() not in gone}
        assert rolled_up("1h") == expected["1h"]
        assert rolled_up("1d") == expected["1d"]
        assert not RollupMark.objects.exists()

    check()
