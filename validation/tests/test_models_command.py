"""`manage.py models`, as people and scripts use it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.core.management import CommandError, call_command

from validation.models import DataModel, Replay
from validation.samples import load_samples
from validation.tests.conftest import Worker
from validation.tests.test_exchange_schemas import foreign


def run(*arguments: str) -> str:
    """Run the command and return what it prints."""
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def answer(*arguments: str) -> Any:
    return json.loads(run(*arguments))


def refusal(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    return refused.value.returncode, str(refused.value)


def test_models_are_listed_for_people_and_for_programs(db: None) -> None:
    load_samples()
    assert [line.split()[0] for line in run("list").splitlines()] == ["MODEL", "sensor", "vehicle"]
    assert answer("list", "--json")[1] == {
        "name": "vehicle",
        "topic_filter": "vehicles/+/telemetry",
        "version": 1,
        "in_service": True,
        "fields": 6,
        "pending": [],
    }


def test_what_is_exported_can_be_imported_under_another_name(db: None, tmp_path: Path) -> None:
    load_samples()
    for form in ("--bundle", "--schema"):
        file, name = tmp_path / f"model{form}.json", f"bus{form.replace('-', '_')}"
        file.write_text(run("export", "vehicle", form))
        topics = f"{name}/+/telemetry"
        dry = run("import", str(file), "--name", name, "--topic-filter", topics, "--publish", "--dry-run")
        assert "would be version" in dry
        assert not DataModel.objects.filter(name=name).exists()
        said = run("import", str(file), "--name", name, "--topic-filter", topics, "--publish")
        assert f"{name} is version" in said
        assert "in service, for" in said
        fields = DataModel.objects.get(name="vehicle").spec().fields
        assert DataModel.objects.get(name=name).spec().fields == fields


def test_a_schema_comes_in_through_standard_input_and_losses_are_told(
    db: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(orjson.dumps(foreign()))))
    said = run("import", "-", "--name", "pump", "--topic-filter", "pumps/+")
    assert said == "pump is a draft, not in service, for pumps/+\n"
    assert "`minLength` of `note` is not carried over." in capsys.readouterr().err


def test_templates_are_listed_and_become_models(db: None) -> None:
    names = [template["name"] for template in answer("templates", "--json")]
    assert names == ["vehicle", "weather_station", "energy_meter", "machine", "tracker"]
    assert "weather_station" in run("templates")
    said = run("new", "--template", "machine", "--name", "press", "--topic-filter", "presses/+", "--publish")
    assert said == "press is version 1, in service, for presses/+\n"


def test_what_waits_is_proposed_and_accepted(worker: Worker) -> None:
    worker.receive(*[(f"rooms/r{n}/climate", {"temperature": 20.5 + n}) for n in range(20)])
    worker.work()
    assert run("proposals").splitlines()[1].split()[:3] == ["rooms/+/climate", "20", "20"]
    assert answer("proposals", "--json")[0]["topic_filter"] == "rooms/+/climate"
    text = run("propose", "rooms/+/climate")
    assert "temperature  number  Cel   yes       95.5%  20/20  20.5 … 39.5  temperature" in text
    assert answer("propose", "rooms/+/climate", "--json")["spec"]["name"] == "room_climate"
    done = answer("propose", "rooms/+/climate", "--accept", "--publish", "--replay", "--json")
    assert (done["model"], done["version"]) == ("room_climate", 1)
    assert Replay.objects.get(pk=done["replay"]).total == 20


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("export", "nobody"), 1, "no model 'nobody'"),
        (("import", "/nowhere/at all.json"), 2, "cannot be read"),
        (("propose", "rooms/+"), 1, "No message waits on rooms/+"),
        (("propose", "commands/+"), 1, "the platform's own"),
        (("propose", "rooms/+", "--publish"), 2, "go with --accept"),
        (("new", "--template", "machine", "--name", "Bad Name"), 1, "'Bad Name'"),
        (("new", "--template", "machine", "--name", "sensor"), 1, "already"),
    ],
)
def test_what_cannot_be_done_is_said_with_an_exit_code(
    db: None, arguments: tuple[str, ...], code: int, words: str
) -> None:
    load_samples()
    returned, said = refusal(*arguments)
    assert (returned, words in said) == (code, True), said


@pytest.mark.parametrize("text", ["", "{", "[1]", "5", '{"format": "x"}', '{"properties": {}}'])
def test_a_file_that_is_no_model_is_refused(db: None, tmp_path: Path, text: str) -> None:
    file = tmp_path / "model.json"
    file.write_text(text)
    returned, said = refusal("import", str(file), "--name", "x", "--topic-filter", "x/+")
    assert returned == 1
    assert said.endswith(".")
    assert not DataModel.objects.exists()
