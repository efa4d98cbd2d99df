"""Publishing: the one door through which what people wrote becomes tables and what workers judge by."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

import msgspec
import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, connections, transaction

from validation.drafting import save
from validation.models import DataModel, Field, ModelVersion
from validation.publishing import Published, check, pending, publish, resume, revert, withdraw
from validation.samples import VEHICLE, load_samples
from validation.spec import FieldSpec, ModelSpec
from validation.tables import columns
from validation.tests.conftest import Worker

TOPIC = "vehicles/vehicle_01/telemetry"
HOSTILE = ("", "a b", "a;drop table x", 'a"b', "a'b", "a\0b", "Speed", "1st", "é", "a" * 64, "a\n", "../a", "%s", "{}")


def vehicle() -> DataModel:
    return DataModel.objects.get(name="vehicle")


def add_field(name: str, kind: str = "number", **more: object) -> None:
    Field.objects.create(model=vehicle(), name=name, kind=kind, position=99, **more)


def stored(names: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM telemetry.vehicle ORDER BY ts")
        return list(cursor.fetchall())


def refusal(spec: ModelSpec) -> str:
    with pytest.raises(ValidationError) as refused:
        check(spec)
    return " ".join(refused.value.messages)


def spec_of(*fields: FieldSpec, name: str = "thing", topic_filter: str = "things/+/telemetry") -> ModelSpec:
    return ModelSpec(name=name, topic_filter=topic_filter, fields=fields)


def together(*works: Callable[[], object]) -> list[BaseException]:
    """Run some works in threads that begin at once; return what they raised."""
    failures: list[BaseException] = []
    barrier = threading.Barrier(len(works))

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:  # noqa: BLE001  (the main thread looks at it)
            failures.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


def test_publishing_what_has_not_changed_makes_no_version(worker: Worker) -> None:
    first = publish(vehicle())
    assert publish(vehicle()).pk == first.pk
    DataModel.objects.filter(name="vehicle").update(description="Only for people.")
    assert publish(vehicle()).number == 1
    assert ModelVersion.objects.filter(model__name="vehicle").count() == 1


def test_a_version_of_before_an_attribute_existed_is_no_change(worker: Worker) -> None:
    version = ModelVersion.objects.get(model__name="vehicle")
    del version.spec["register_devices"]
    version.save()
    assert publish(vehicle()).pk == version.pk


def test_a_new_version_adds_its_column_and_each_row_says_which_version_judged_it(worker: Worker) -> None:
    now = time.time()
    worker.receive((TOPIC, {"timestamp": now - 1, "speed": 1, "oil": 3.5}))
    worker.work()
    add_field("oil")
    assert publish(vehicle()).number == 2
    assert columns("vehicle")["oil"] == "double precision"
    worker.receive((TOPIC, {"timestamp": now, "speed": 2, "oil": 3.5}))
    worker.work()
    assert stored("version, speed, oil") == [(1, 1.0, None), (2, 2.0, 3.5)]


def test_a_field_that_is_taken_away_keeps_its_column_and_may_come_back(worker: Worker) -> None:
    worker.receive((TOPIC, {"timestamp": time.time(), "speed": 1, "battery": 50}))
    worker.work()
    Field.objects.filter(model__name="vehicle", name="battery").delete()
    assert publish(vehicle()).number == 2
    assert stored("battery") == [(50.0,)]
    add_field("battery")
    assert publish(vehicle()).number == 3


def test_two_who_publish_at_once_become_different_versions_and_both_fields_have_columns(worker: Worker) -> None:
    def publish_with(name: str) -> None:
        add_field(name)
        publish(vehicle())

    assert together(*[partial(publish_with, name) for name in ("one", "two", "three", "four")]) == []
    numbers = list(ModelVersion.objects.filter(model__name="vehicle").values_list("number", flat=True))
    assert len(numbers) == len(set(numbers)) >= 2
    newest = msgspec.convert(ModelVersion.objects.filter(model__name="vehicle")[0].spec, ModelSpec)
    assert {"one", "two", "three", "four"} <= {field.name for field in newest.fields}
    assert {"one", "two", "three", "four"} <= columns("vehicle").keys()


def test_two_who_publish_the_same_change_at_once_make_one_version(worker: Worker) -> None:
    add_field("oil")
    assert together(*[lambda: publish(vehicle())] * 3) == []
    assert ModelVersion.objects.filter(model__name="vehicle").count() == 2


def test_what_is_published_is_what_was_saved_and_not_what_somebody_still_has_in_memory(worker: Worker) -> None:
    stale = vehicle()
    DataModel.objects.filter(name="vehicle").update(topic_filter="cars/+/telemetry")
    assert publish(stale).spec["topic_filter"] == "cars/+/telemetry"


def test_publishing_waits_for_no_worker_that_has_stored_something_of_the_model(worker: Worker) -> None:
    add_field("oil")
    referred, published = threading.Event(), threading.Event()

    def commit_late() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            # What a foreign key check does to the row of the model, until the worker's transaction ends.
            cursor.execute("SELECT 1 FROM validation_datamodel WHERE name = 'vehicle' FOR KEY SHARE")
            referred.set()
            assert published.wait(10)

    def publish_then_say_so() -> None:
        assert referred.wait(10)
        publish(vehicle())
        published.set()

    assert together(commit_late, publish_then_say_so) == []


def test_a_model_that_is_taken_out_of_publication_is_unknown_to_the_next_chunk(worker: Worker) -> None:
    reading = {"timestamp": time.time(), "speed": 1}
    worker.receive((TOPIC, reading))
    worker.work()
    DataModel.objects.filter(name="vehicle").update(published=False)
    worker.receive((TOPIC, reading | {"seq": 1}))
    worker.work()
    assert worker.reasons() == [["unknown_topic"]]
    DataModel.objects.filter(name="vehicle").update(published=True)
    worker.receive((TOPIC, reading | {"seq": 2}))
    worker.work()
    books = worker.audit()
    assert (books.total.stored, books.total.quarantined, books.balanced) == (2, 1, True)


def test_only_what_changed_is_compiled_anew(worker: Worker) -> None:
    published = Published()
    before = {model.spec.name: model for model in published.catalog().models}
    assert published.catalog() is published.catalog()
    add_field("oil")
    publish(vehicle())
    after = {model.spec.name: model for model in published.catalog().models}
    assert after["sensor"] is before["sensor"]
    assert after["vehicle"].version == 2


def test_names_that_cannot_become_a_table_or_a_column_are_refused_in_words(db: None) -> None:
    for name in HOSTILE:
        assert "model's name" in refusal(spec_of(FieldSpec(name="good", kind="number"), name=name))
        assert "field name" in refusal(spec_of(FieldSpec(name=name, kind="number")))


def test_a_field_cannot_take_the_name_of_a_column_that_every_table_has(db: None) -> None:
    for name in ("ts", "received_at", "seq", "device_id", "version", "ctid", "xmin", "tableoid"):
        assert repr(name) in refusal(spec_of(FieldSpec(name=name, kind="number")))


def test_a_name_that_means_something_in_sql_or_python_is_a_name_like_any_other(worker: Worker) -> None:
    names = ("select", "table", "user", "order", "a" * 63, "f0", "t", "values", "class", "none")
    for name in names:
        add_field(name)
    publish(vehicle())
    worker.receive((TOPIC, {"timestamp": time.time(), "speed": 1} | {name: n for n, name in enumerate(names)}))
    worker.work()
    assert stored(", ".join(f'"{name}"' for name in names)) == [tuple(range(len(names)))]


def test_a_model_of_a_name_that_sql_knows_gets_its_table_and_its_readings(worker: Worker) -> None:
    model = DataModel.objects.create(name="select", topic_filter="selects/+/telemetry")
    Field.objects.create(model=model, name="from", kind="text")
    publish(model)
    worker.receive(("selects/one/telemetry", {"timestamp": time.time(), "from": "'; DROP TABLE x; --"}))
    worker.work()
    assert worker.audit().total.stored == 1
    with connection.cursor() as cursor:
        cursor.execute('SELECT "from" FROM telemetry."select"')
        assert cursor.fetchall() == [("'; DROP TABLE x; --",)]


def test_a_changed_type_is_refused_in_words_and_nothing_changes(worker: Worker) -> None:
    changes = {"one": ("number", "text"), "two": ("text", "number"), "three": ("number", "integer")}
    for name, (old, _) in changes.items():
        add_field(name, old)
    publish(vehicle())
    for name, (_, new) in changes.items():
        Field.objects.filter(name=name).update(kind=new)
    with pytest.raises(ValidationError) as refused:
        publish(vehicle())
    assert all(
        name in words and "new name" in words for name, words in zip(changes, refused.value.messages, strict=True)
    )
    assert ModelVersion.objects.filter(model__name="vehicle").count() == 2


def test_a_text_may_become_a_choice_because_both_are_text(worker: Worker) -> None:
    add_field("gear", "text")
    publish(vehicle())
    Field.objects.filter(name="gear").update(kind="choice", choices="park, drive")
    assert publish(vehicle()).number == 3


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (spec_of(), "at least one field"),
        (spec_of(FieldSpec(name="a", kind="number", minimum=2, maximum=1)), "Nothing lies between"),
        (spec_of(FieldSpec(name="a", kind="integer", minimum=1.2, maximum=1.8)), "Nothing lies between"),
        (spec_of(FieldSpec(name="a", kind="choice")), "names none"),
        (spec_of(FieldSpec(name="a", kind="text", max_length=0)), "no room"),
        (spec_of(FieldSpec(name="a", kind="number"), FieldSpec(name="a", kind="number")), "used twice"),
        (spec_of(FieldSpec(name="timestamp", kind="number")), "used twice"),
        (spec_of(FieldSpec(name="a", kind="number"), topic_filter="a/#/b"), "must come last"),
        (spec_of(FieldSpec(name="a", kind="number"), name="thing_p20260101"), "daily partition"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_no_reading_could_be_judged_by_is_refused_in_words(db: None, spec: ModelSpec, words: str) -> None:
    assert words in refusal(spec)


def test_every_fault_is_named_at_once(db: None) -> None:
    words = refusal(spec_of(FieldSpec(name="Bad", kind="number"), FieldSpec(name="gear", kind="choice")))
    assert "'Bad'" in words
    assert "'gear'" in words


def test_a_refused_model_makes_no_table_and_no_version(transactional_db: None) -> None:
    model = DataModel.objects.create(name="thing", topic_filter="things/+/telemetry")
    with pytest.raises(ValidationError):
        publish(model)
    assert columns("thing") == {}
    assert not model.versions.exists()


def thing(name: str, topic_filter: str) -> DataModel:
    return save(spec_of(FieldSpec(name="a", kind="number"), name=name, topic_filter=topic_filter))


def test_a_second_model_for_some_of_the_same_topics_is_refused_with_the_first_one_named(transactional_db: None) -> None:
    first, second = thing("first", "a/+/b"), thing("second", "a/#")
    publish(first)
    with pytest.raises(ValidationError) as refused:
        publish(second)
    assert "first (a/+/b)" in (words := " ".join(refused.value.messages))
    assert "such as a/x/b" in words
    withdraw(first)
    assert publish(second).number == 1
    with pytest.raises(ValidationError, match="second"):
        resume(first)


def test_of_two_models_for_one_topic_that_are_published_at_once_one_is_refused(transactional_db: None) -> None:
    models = [thing("first", "a/+"), thing("second", "+/b")]
    [refused] = together(*[partial(publish, model) for model in models])
    assert isinstance(refused, ValidationError)
    assert ModelVersion.objects.count() == 1


def test_a_draft_says_in_words_what_it_changes_and_can_be_made_what_a_version_said(worker: Worker) -> None:
    Field.objects.filter(model__name="vehicle", name="speed").update(maximum=300)
    add_field("rpm", "integer")
    changes = ["`speed` maximum 250 → 300", "new optional field `rpm` (integer)"]
    assert pending(vehicle()) == changes
    version = publish(vehicle(), by="ada")
    assert (version.changes, version.published_by) == (changes, "ada")
    assert pending(vehicle()) == []
    revert(vehicle(), 1)
    assert vehicle().spec() == VEHICLE
    assert publish(vehicle()).number == 3


def test_the_samples_are_loaded_once_and_what_a_person_made_is_kept(transactional_db: None) -> None:
    DataModel.objects.create(name="my_sensor", topic_filter="sensors/+/telemetry")
    assert load_samples() == ["vehicle"]
    Field.objects.filter(name="battery").delete()
    assert load_samples() == []
    assert vehicle().spec().fields == VEHICLE.fields[:-1]


def test_a_number_is_given_to_one_version_only(worker: Worker) -> None:
    with pytest.raises(IntegrityError):
        ModelVersion.objects.create(model=vehicle(), number=1, spec={})
