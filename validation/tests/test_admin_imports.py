"""Imports in the admin: upload, dry run, the real thing, stop and resume, and who may."""

from __future__ import annotations

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from validation.models import Import
from validation.tests.conftest import Worker
from validation.tests.person import SCRIPT, SHOWN_SCRIPT, Page, Person
from validation.tests.transferring import finish, importer

NOW = int(time.time())


@pytest.fixture
def person(worker: Worker) -> Person:
    return Person()


def file(text: str, name: str = "cars.csv") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, text.encode())


def text(page: Page) -> str:
    return str(page.content.decode())


def test_a_file_is_judged_in_a_dry_run_and_then_imported(worker: Worker, person: Person) -> None:
    rows = f"who,when,v,{SCRIPT}\na,{NOW},1,\na,{NOW - 1},999,\nb\n"
    mapping = "device = who\nts = when\n\nspeed = v"
    page = person.post("import_upload", file=file(rows), model="vehicle", mapping=mapping)
    dry = Import.objects.get()
    assert reverse("admin:validation_import_change", args=[dry.pk]) == page.redirect_chain[-1][0]
    assert (dry.dry_run, dry.created_by, dry.unread) == (True, "alice", [SCRIPT])
    assert "data-replay" in text(page)
    finish(dry, worker)
    page = person.get("import_change", dry.pk)
    for words in ("Import it: 1 reading will be stored", "What would not pass", "Rows left out", SHOWN_SCRIPT):
        assert words in text(page), words
    assert SCRIPT not in text(page)
    person.post("import_for_real", dry.pk)
    real = Import.objects.latest("pk")
    finish(real, worker)
    progress = person.get("import_progress", real.pk).json()
    assert (progress["state"], progress["counts"]["stored"], progress["counts"]["in_flight"]) == ("done", 1, 0)
    page = person.get("import_change", real.pk)
    assert f"?model=vehicle&amp;since={real.created_at:%Y}" in text(page)
    assert person.history() == ["Dry run of cars.csv into vehicle started.", "Import of cars.csv into vehicle started."]
    assert "cars.csv" in text(person.get("import_changelist"))


def test_a_running_import_is_stopped_and_resumed(worker: Worker, person: Person) -> None:
    rows = "device,ts,speed\n" + "".join(f"a,{NOW - n},1\n" for n in range(6_000))
    person.post("import_upload", file=file(rows), model="vehicle", for_real="yes")
    run = Import.objects.get()
    assert not run.dry_run
    importer(worker).advance(run.pk, 0)
    assert ">Resume</button>" in text(person.post("import_stop", run.pk))
    assert ">Stop</button>" in text(person.post("import_resume", run.pk))
    assert finish(run, worker).stored == 6_000
    assert person.history()[1:] == ["Stopped.", "Resumed."]


def test_what_cannot_be_imported_is_said_where_it_was_asked(person: Person) -> None:
    assert "no column for ts" in text(person.post("import_upload", file=file("device,speed\n"), model="vehicle"))
    assert "such as ts = time" in text(person.post("import_upload", file=file("a"), model="vehicle", mapping="ts time"))
    assert "This field is required" in text(person.post("import_upload", model="vehicle"))
    assert not Import.objects.exists()
    assert "No imports yet" in text(person.get("import_changelist"))


def test_who_may_only_look_may_not_import(worker: Worker) -> None:
    viewer = Person("charlie", ("view_replay",))
    run = Import.objects.create(model="vehicle", form="csv", name="cars.csv")
    assert "cars.csv" in text(viewer.get("import_change", run.pk))
    assert "<button" not in text(viewer.get("import_change", run.pk)).split('id="content-main"')[1]
    assert viewer.get("import_upload").status_code == 403
    for act in ("import_stop", "import_resume", "import_for_real"):
        assert viewer.post(act, run.pk).status_code == 403
    nobody = Person("mallory", ("view_datamodel",))
    assert nobody.get("import_changelist").status_code == 403
    assert nobody.get("import_change", run.pk).status_code == 403
