"""Faults of the database: locked, full of connections, changed while data flows."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress

import psycopg

from tests.chaos.data import DAY, outcomes, reading, topic_of
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.chaos.wire import publish
from tests.project import eventually

CHANGES = {
    "add a field": "cabin",
    "drop it": "",
    "make one required that nobody sends": "odometer",
    "back": "",
}
CHANGE = """
import msgspec
from validation import drafting, publishing
from validation.models import DataModel
from validation.spec import FieldSpec, ModelSpec
model = DataModel.objects.get(name="vehicle")
spec = model.spec()
step = {step!r}
fields = tuple(field for field in spec.fields if field.name != "cabin")
if step == "add a field":
    fields += (FieldSpec(name="cabin", kind="number"),)
required = step == "make one required that nobody sends"
fields = tuple(
    msgspec.structs.replace(field, required=required) if field.name == "odometer" else field for field in fields
)
drafting.replace(model, msgspec.structs.replace(spec, fields=fields))
publishing.publish(model)
"""


@fault("F25", "the model changed under load: a field added, dropped, and required though nobody sends it", refuses=True)
def change_model(scene: Scene) -> None:
    for step in ("add a field", "drop it", "make one required that nobody sends", "back"):
        scene.begin()
        scene.stack.manage("shell", "-c", CHANGE.format(step=step))
        scene.measure(f"flow after {step}", scene.flows(), 15.0, since=time.monotonic())
        scene.hold(5, 1)


@fault("F25-away", "the model taken out of service under load, and back", refuses=True)
def withdraw_model(scene: Scene) -> None:
    for function in ("withdraw", "resume"):
        code = (
            "from validation import publishing; from validation.models import DataModel; "
            f"publishing.{function}(DataModel.objects.get(name='vehicle'))"
        )
        scene.stack.manage("shell", "-c", code)
        scene.hold(5, 1)


@fault("F26-missing", "a day's partition dropped while workers remember it")
def drop_partition(scene: Scene) -> None:
    day = int(time.time()) // DAY * DAY - 400 * DAY + scene.chance.randrange(100) * DAY
    device = scene.device("dropped")
    publish(scene.ground.devices, [(topic_of(device), reading(day + n, n)) for n in range(50)])
    eventually(lambda: outcomes(scene, device) == (50, 0), "50 readings are stored", 30)
    partition = f"vehicle_p{time.strftime('%Y%m%d', time.gmtime(day))}"
    with scene.stack.database() as database:
        database.execute(f"DROP TABLE telemetry.{partition}")
        database.commit()
    scene.begin()
    publish(scene.ground.devices, [(topic_of(device), reading(day + n, n)) for n in range(50)])
    scene.measure("stored again", lambda: outcomes(scene, device) == (50, 0), 30.0)
    scene.expect(outcomes(scene, device)[1] == 0, "good readings were refused")


@fault("F26-detach", "a partition half detached, because whoever detached it was killed")
def interrupted_detach(scene: Scene) -> None:
    day = int(time.time()) // DAY * DAY - 600 * DAY + scene.chance.randrange(100) * DAY
    device = scene.device("detached")
    publish(scene.ground.devices, [(topic_of(device), reading(day + n, n)) for n in range(50)])
    eventually(lambda: outcomes(scene, device) == (50, 0), "50 readings are stored", 30)
    name = f"telemetry.vehicle_p{time.strftime('%Y%m%d', time.gmtime(day))}"
    half_detach(scene, name)
    scene.begin()
    publish(scene.ground.devices, [(topic_of(device), reading(day + 1000 + n, 1000 + n)) for n in range(50)])
    wanted = lambda: all_of(scene, device, name) == 100  # noqa: E731
    scene.measure("100 readings are in the table or its detached part", wanted, 60.0)


def half_detach(scene: Scene, name: str) -> None:
    """Leave a partition as a detaching process leaves it that was killed between its two transactions."""
    with (
        scene.stack.database() as reader,
        psycopg.connect(scene.stack.settings["DATABASE_URL"], autocommit=True) as one,
    ):
        reader.execute("SELECT count(*) FROM telemetry.vehicle")  # it waits for whoever reads
        one.execute("SET statement_timeout = '1s'")
        with suppress(psycopg.errors.QueryCanceled):
            one.execute(f"ALTER TABLE telemetry.vehicle DETACH PARTITION {name} CONCURRENTLY")
    pending = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"
    scene.expect(scene.stack.query(pending) == [(1,)], "the partition was to be half detached")


def all_of(scene: Scene, device: str, name: str) -> int:
    """Return how many readings of a device are in the table and in a part that may be detached from it."""
    with scene.stack.database() as database:
        row = database.execute(
            f"SELECT count(*) FROM (SELECT seq FROM telemetry.vehicle WHERE device_id = %(id)s UNION "
            f"SELECT seq FROM {name} WHERE device_id = %(id)s) AS readings",
            {"id": scene.stack.query("SELECT id FROM ingest_device WHERE name = %s", device)[0][0]},
        ).fetchone()
    assert row is not None
    return int(row[0])


@fault("F27", "the table locked for 60 s by somebody's transaction")
def lock_table(scene: Scene) -> None:
    with scene.stack.database() as database:
        scene.begin()
        database.execute("LOCK TABLE telemetry.vehicle IN ACCESS EXCLUSIVE MODE")
        scene.hold(60, 5)


@fault("F28", "every connection that PostgreSQL has is taken for 20 s", shown=True)
def exhaust_connections(scene: Scene) -> None:
    url = scene.stack.settings["DATABASE_URL"]
    with ExitStack() as taken:
        first = taken.enter_context(psycopg.connect(url, autocommit=True))
        scene.begin()
        for _ in range(3):  # who was thrown out tries to come back between
            take_all(url, taken)
            first.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user "
                "AND application_name <> 'chaos' AND pid <> pg_backend_pid()"
            )
        take_all(url, taken)
        scene.hold(20, 4)


def take_all(url: str, taken: ExitStack) -> None:
    """Open connections until there are no more."""
    with suppress(psycopg.OperationalError):
        while True:
            taken.enter_context(psycopg.connect(url, application_name="chaos", autocommit=True))
