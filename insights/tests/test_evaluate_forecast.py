"""`manage.py evaluate forecast`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command


def test_it_prints_how_often_intervals_held(tmp_path: Path) -> None:
    values = np.random.default_rng(3).normal(size=600)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [f"{begin + timedelta(minutes=5 * place)},{value}" for place, value in enumerate(values)]
    (tmp_path / "noise.csv").write_text("timestamp,value\n" + "\n".join(rows))
    out = StringIO()
    call_command("evaluate", "forecast", "--data", str(tmp_path), "--json", stdout=out, stderr=StringIO())
    found = json.loads(out.getvalue())
    assert 0.8 <= found["coverage"] <= 1.0
    assert [row["series"] for row in found["series"]] == ["noise.csv"]


def test_what_is_no_folder_or_no_series_is_told(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no directory"):
        call_command("evaluate", "forecast", "--data", str(tmp_path / "none"))
    (tmp_path / "bad.csv").write_text("when,what\n1,2\n")
    with pytest.raises(CommandError, match=r"bad\.csv"):
        call_command("evaluate", "forecast", "--data", str(tmp_path), stderr=StringIO())
