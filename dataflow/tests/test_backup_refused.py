"""What a restore refuses: files that are not whole, databases that are not free, platforms that do not fit."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from msgspec import structs

from dataflow.backup import container
from dataflow.backup.errors import BackupError
from dataflow.backup.making import make
from dataflow.backup.manifest import MEMBER, Manifest, Table, encode
from dataflow.backup.restoring import restore
from dataflow.tests.backups import back_up, bring_back, contents, new_database, one, silent, source
from validation.tests.conftest import Worker


def test_every_cut_and_every_changed_byte_is_refused(filled: Worker, tmp_path: Path) -> None:
    made = back_up(tmp_path / "a.backup", "copy")
    whole = made.path.read_bytes()
    broken = tmp_path / "broken.backup"
    places = [*range(0, len(whole), len(whole) // 40), len(whole) - 70, len(whole) - 1]
    with new_database() as url:
        for place in places:
            for content in (whole[:place], whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]):
                broken.write_bytes(content)
                with pytest.raises(BackupError, match=r"cut short or altered|no backup"):
                    bring_back(broken, url)
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            psycopg.connect(url)
        bring_back(made.path, url)  # the control: the whole one is taken


def test_a_database_in_use_or_not_empty_is_left_alone(filled: Worker, tmp_path: Path) -> None:
    made = back_up(tmp_path / "a.backup")
    with new_database() as url:
        bring_back(made.path, url)
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("INSERT INTO ingest_device (name, first_seen_at) VALUES ('kept', now())")
            with pytest.raises(BackupError, match="Others use the database"):
                bring_back(made.path, url, replace=True)
        with pytest.raises(BackupError, match="not empty"):
            bring_back(made.path, url)
        assert one(url, "SELECT count(*) FROM ingest_device WHERE name = 'kept'") == 1
        bring_back(made.path, url, replace=True)
        assert one(url, "SELECT count(*) FROM ingest_device WHERE name = 'kept'") == 0


def test_nobody_writes_into_a_database_that_is_restored_only_in_part(filled: Worker, tmp_path: Path) -> None:
    made = back_up(tmp_path / "a.backup")
    refused: list[str] = []

    def try_to_write(said: str) -> None:
        if said.startswith("restoring"):
            with psycopg.connect(url) as platform, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                platform.execute("CREATE TABLE django_migrations (id bigint)")
            refused.append(said)

    with new_database() as url:
        restore(made.path, url, [], replace=False, say=try_to_write)
        assert len(refused) == 1
        with psycopg.connect(url) as platform:
            platform.execute("DELETE FROM telemetry.vehicle")


def test_a_restore_that_finds_less_than_the_backup_says_fails_and_leaves_nothing(
    filled: Worker, tmp_path: Path
) -> None:
    made = back_up(tmp_path / "a.backup")
    day = next(name for name in made.manifest.tables if "_p2" in name)
    tables = made.manifest.tables | {day: Table(181, 1, "telemetry.vehicle"), "telemetry.more": Table(0, 0)}
    claims_more = rewritten(made.path, structs.replace(made.manifest, tables=tables))
    with new_database() as url:
        with pytest.raises(BackupError, match=rf"telemetry\.more is missing\.\n{day} has 180 rows instead of 181\."):
            bring_back(claims_more, url)
        assert contents(url) == {}


def test_a_backup_of_an_older_platform_is_brought_up_to_date_and_one_of_a_newer_is_refused(
    filled: Worker, tmp_path: Path
) -> None:
    made = back_up(tmp_path / "a.backup")
    undone = [
        "dashboard.0004_workers",
        "dashboard.0005_ring",
        "dashboard.0006_saved_views",
        "dashboard.0007_summaries",
        "dashboard.0008_findings",
        "dataflow.0002_scheduledjob",
    ]
    newer = structs.replace(made.manifest, migrations=[*made.manifest.migrations, ("ingest", "9999_more")])
    with new_database() as url, new_database() as another:
        with pytest.raises(BackupError, match=r"does not know ingest\.9999_more"):
            bring_back(rewritten(made.path, newer), url)
        assert bring_back(made.path, url).migrated == []
        with psycopg.connect(url, autocommit=True) as database:
            database.execute("DROP TABLE dataflow_scheduledjob, dashboard_savedview")
            database.execute("DELETE FROM django_migrations WHERE app || '.' || name = ANY(%s)", [undone])
        older = make(url, [], tmp_path / "older.backup", None, silent)
        assert sorted(bring_back(older.path, another).migrated) == undone
        assert one(another, "SELECT count(*) FROM telemetry.vehicle") == 540


def rewritten(path: Path, manifest: Manifest) -> Path:
    """Write a backup anew, with another manifest and a seal that agrees with it."""
    copy = path.with_name("rewritten.backup")
    copy.unlink(missing_ok=True)
    with container.opened(path) as archive, container.new_file(copy) as writer:
        for name in archive.namelist():
            with writer.member(name, compress=False) as member:
                member.write(encode(manifest) if name == MEMBER else archive.read(name))
        writer.finish()
    return copy


def test_without_pg_dump_what_it_cannot_hold_is_named_instead_of_left_out(filled: Worker, tmp_path: Path) -> None:
    with psycopg.connect(source(), autocommit=True) as database:
        database.execute("CREATE VIEW telemetry.fast AS SELECT * FROM telemetry.vehicle WHERE speed > 100")
    with pytest.raises(BackupError, match=r"cannot hold the view telemetry\.fast"):
        back_up(tmp_path / "a.backup", "copy")
    assert list(tmp_path.iterdir()) == []
    with new_database() as url:
        bring_back(back_up(tmp_path / "a.backup", "pg_dump").path, url)
        assert one(url, "SELECT count(*) FROM telemetry.fast") == one(source(), "SELECT count(*) FROM telemetry.fast")
