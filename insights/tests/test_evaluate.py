"""`manage.py evaluate anomalies` writes what a scorer reads, online."""

from __future__ import annotations

import csv
import json
from datetime import datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from insights.tests.series import noise

FIRST = datetime(2026, 11, 1)  # noqa: DTZ001  # a recorded series says no zone


def series(path: Path, values: list[float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [f"{FIRST + timedelta(minutes=5 * place)},{value}" for place, value in enumerate(values)]
    path.write_text("\n".join(["timestamp,value", *rows, ""]))


def evaluated(data: Path, out: Path) -> dict[str, object]:
    said = StringIO()
    call_command("evaluate", "anomalies", "--data", data, "--out", out, "--json", stdout=said, stderr=StringIO())
    report: dict[str, object] = json.loads(said.getvalue())
    return report


def scores(path: Path) -> list[tuple[str, float]]:
    with path.open(newline="") as file:
        return [(row["timestamp"], float(row["anomaly_score"])) for row in csv.DictReader(file)]


def test_every_file_gets_a_row_a_reading_at_the_same_place(tmp_path: Path) -> None:
    values = [*noise(1000), 60.0, *noise(200)]
    series(tmp_path / "data" / "streets" / "one.csv", values)
    series(tmp_path / "data" / "two.csv", [1.0])
    report = evaluated(tmp_path / "data", tmp_path / "out")
    assert (report["readings"], len(scores(tmp_path / "out" / "two.csv"))) == (1202, 1)
    written = scores(tmp_path / "out" / "streets" / "one.csv")
    assert max(written, key=lambda row: row[1])[0] == str(FIRST + timedelta(minutes=5000))
    assert all(0.0 <= score <= 1.0 for _, score in written)


def test_a_score_depends_on_no_later_row(tmp_path: Path) -> None:
    values = [*noise(700), 60.0, *noise(100)]
    series(tmp_path / "data" / "whole.csv", values)
    series(tmp_path / "data" / "part.csv", values[:750])
    evaluated(tmp_path / "data", tmp_path / "out")
    assert scores(tmp_path / "out" / "whole.csv")[:750] == scores(tmp_path / "out" / "part.csv")


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "timestamp,value\nyesterday,1\n", "timestamp,value\n2026-11-01,\n"])
def test_a_file_that_is_no_series_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    with pytest.raises(CommandError, match=r"bad\.csv"):
        evaluated(tmp_path, tmp_path / "out")


def test_a_folder_without_series_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        evaluated(tmp_path, tmp_path / "out")
