"""Backups: what flows in is written down as one moment, and comes back whole or not at all."""

from __future__ import annotations

import json
import time
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import CommandError

from dataflow.backup.errors import BackupError
from dataflow.backup.making import make
from dataflow.backup.manifest import Method
from dataflow.backup.restoring import restore
from dataflow.backup.server import servers
from dataflow.tests.backups import (
    Ingest,
    back_up,
    bring_back,
    contents,
    new_database,
    one,
    readings,
    silent,
    source,
)
from validation.audit import audit
from validation.tests.conftest import Worker

METHODS: tuple[Method, ...] = ("pg_dump", "copy")


@pytest.mark.parametrize("method", METHODS)
def test_what_comes_back_is_what_was_there(filled: Worker, tmp_path: Path, method: Method) -> None:
    made = back_up(tmp_path / "a.backup", method)
    assert (made.manifest.method, made.path.stat().st_mode & 0o777) == (method, 0o600)
    with new_database() as url:
        bring_back(made.path, url)
        was, now = contents(source()), contents(url)
        # The restored one remembers that it was restored, and migrations run at the end of a restore.
        assert now.pop("public.dataflow_restoration")[0] == 1
        was.pop("public.dataflow_restoration")
        assert now == was
        assert was["telemetry.vehicle"][0] == 540
        assert was["public.validation_quarantined"][0] == 60
        with psycopg.connect(url) as database:
            # Days are days of the whole again, indexes work, and numbers go on where they were.
            database.execute("INSERT INTO ingest_device (name, first_seen_at) VALUES ('new', now())")
            plan = database.execute("EXPLAIN SELECT * FROM telemetry.vehicle WHERE ts < now() - interval '1 year'")
            assert "Subplans Removed: 3" in str(plan.fetchall())


@pytest.mark.parametrize("method", METHODS)
def test_a_backup_during_ingest_is_one_moment(filled: Worker, tmp_path: Path, method: Method) -> None:
    with Ingest(filled, time.time()) as ingest:
        before = ingest.received
        made = back_up(tmp_path / "a.backup", method)
        assert ingest.received > before, "readings went on while the backup was made"
    with new_database() as url:
        bring_back(made.path, url)
        stored = one(url, "SELECT sum(stored) FROM validation_ledgerentry")
        assert one(url, "SELECT count(*) FROM telemetry.vehicle") == stored > 540
        quarantined = one(url, "SELECT sum(quarantined) FROM validation_ledgerentry")
        assert one(url, "SELECT count(*) FROM validation_quarantined") == quarantined
        assert stored < one(source(), "SELECT count(*) FROM telemetry.vehicle")


def test_the_books_say_what_was_judged_since_and_begin_anew(filled: Worker, tmp_path: Path) -> None:
    urls = [filled.url]
    filled.receive(*readings(1000, 10, time.time()))  # waits when the backup is made
    made = back_up(tmp_path / "a.backup", buffers=urls)
    assert [(state.entries, state.messages) for state in made.manifest.buffers] == [(1, 10)]
    filled.work()  # judged after the backup: lost with the database
    filled.receive(*readings(2000, 20, time.time()))  # waits when it is restored
    with new_database() as url:
        restored = bring_back(made.path, url, urls)
        (moved,) = restored.buffers
        assert (moved.waiting_entries, moved.waiting_messages) == (1, 20)
        assert (moved.lost_entries, moved.lost_messages) == (1, 10)
        assert "1 entries with 10 messages were judged since the backup" in restored.restoration.sentence
        assert one(url, "SELECT buffers FROM dataflow_restoration") == moved.sentence
    assert audit(urls).balanced


def test_a_buffer_that_stood_still_lost_nothing_and_one_that_is_gone_is_named(filled: Worker, tmp_path: Path) -> None:
    made = back_up(tmp_path / "a.backup", buffers=[filled.url])
    with new_database() as url:
        restored = bring_back(made.path, url, [filled.url])
        assert "nothing is missing" in restored.buffers[0].sentence
        restored = bring_back(made.path, url, [], replace=True)
        assert "does not now" in restored.buffers[0].sentence
        assert one(url, "SELECT count(*) FROM dataflow_restoration") == 1, "the first one was replaced"


# --- The commands ----------------------------------------------------------------------------------------------------


def test_the_commands_speak_json_and_tell_what_went_wrong_by_their_exit_codes(
    filled: Worker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.DATABASE_URL, kept = source(), settings.DATABASE_URL
    try:
        call_command("backup", str(tmp_path), "--json")
        made = json.loads(capsys.readouterr().out)
        assert (made["rows"] > 600, Path(made["file"]).parent, made["silent"]) == (True, tmp_path, [])
        with pytest.raises(CommandError, match="exists already") as refused:
            call_command("backup", made["file"])
        assert refused.value.returncode == 1
        call_command("restore", made["file"], "--dry-run", "--json")
        assert json.loads(capsys.readouterr().out)["seal"] == made["seal"]
        with pytest.raises(CommandError, match=r"--into must start with postgres://") as refused:
            call_command("restore", made["file"], "--into", "mysql://x")
        assert refused.value.returncode == 2
        with pytest.raises(CommandError, match="cannot be reached") as refused:
            call_command("restore", made["file"], "--into", "postgres://nobody@127.0.0.1:1/nothing")
        assert refused.value.returncode == 3
        with new_database() as url:
            call_command("restore", made["file"], "--into", url, "--json")
            answer = json.loads(capsys.readouterr().out)
            assert answer["rows"] == made["rows"]
            assert one(url, "SELECT count(*) FROM telemetry.vehicle") == 540
    finally:
        settings.DATABASE_URL = kept


def test_a_stopped_embedded_stack_is_backed_up_and_restored_by_itself(filled: Worker, tmp_path: Path) -> None:
    made = back_up(tmp_path / "a.backup")
    say: list[str] = []
    data_dir = tmp_path / "var"
    tmp_path.chmod(0o755)  # PostgreSQL may run as another user
    with pytest.raises(BackupError, match="holds no database"), servers("", [], data_dir, fresh=False, say=say.append):
        pass
    with servers("", [], data_dir, fresh=True, say=say.append) as where:
        restore(made.path, where.database, where.buffers, replace=False, say=silent)
    with servers("", [], data_dir, fresh=False, say=say.append) as where:
        again = make(where.database, where.buffers, tmp_path / "again.backup", None, silent)
    restored = "public.dataflow_restoration"
    assert again.manifest.tables.keys() == made.manifest.tables.keys()
    assert again.manifest.tables["telemetry.vehicle"] == made.manifest.tables["telemetry.vehicle"]
    assert (made.manifest.tables[restored].rows, again.manifest.tables[restored].rows) == (0, 1)
