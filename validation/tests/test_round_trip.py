"""What was exported and is imported elsewhere is the same, bit by bit, whatever was measured."""

from __future__ import annotations

import hashlib
import string
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from validation.exports.guarding import guarded, unguarded
from validation.imports.cells import converted
from validation.imports.delimited import cells_of
from validation.models import Import
from validation.moments import moment
from validation.tests.conftest import Worker
from validation.tests.transferring import empty, exported, imported, publish_everything, summed

# What breaks files: quotes, delimiters, line breaks, formulas, what looks like nothing, and all of Unicode but NUL and
# halves of characters, which no device can send.
NASTY = st.text(
    st.one_of(
        st.sampled_from("\"',;\n\r\t=+-@\\|\u2028\ufeff'N"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=12,
)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
DOCUMENTS = st.dictionaries(
    st.text(string.ascii_letters + " .'", min_size=1, max_size=5).map("x".__add__),
    st.one_of(NASTY, st.integers(-(2**53), 2**53), st.booleans(), st.lists(st.integers(0, 9), max_size=2)),
    max_size=2,
)
MICROS = st.integers(1_700_000_000_000_000, 1_700_090_000_000_000)


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def readings(draw: st.DrawFn) -> dict[str, Any]:
    known = {
        "speed": draw(optional(FINITE)),
        "count": draw(optional(st.integers(-(2**63), 2**63 - 1))),
        "state": {"braking": draw(optional(st.booleans()))},
        "driver": draw(optional(NASTY)),
        "gear": draw(optional(st.sampled_from(["=1", "+2", "low"]))),
        "serviced_at": draw(optional(MICROS.map(lambda micros: moment(micros).isoformat()))),
        "gps": draw(optional(st.fixed_dictionaries({"lat": st.floats(-90, 90), "lon": st.floats(-180, 180)}))),
    }
    time = {"timestamp": moment(draw(MICROS)).isoformat(), "seq": draw(st.integers(0, 2**63 - 1))}
    return {**draw(DOCUMENTS), **known, **time}


@pytest.fixture
def everything(worker: Worker) -> Worker:
    publish_everything("here")
    publish_everything("there")
    return worker


@given(sent=st.lists(st.tuples(st.sampled_from(["d_1", "d_2", "9"]), readings()), min_size=1, max_size=12))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_an_export_imported_elsewhere_has_the_same_checksum(
    everything: Worker, tmp_path: Path, sent: list[tuple[str, dict[str, Any]]]
) -> None:
    empty("here")
    everything.receive(*[(f"here/{device}/telemetry", reading) for device, reading in sent])
    everything.work()
    assert everything.reasons() == []
    before = summed("here")
    assert before.rows > 0
    assert recomputed(exported("here")) == before.checksum
    for form in ("csv", "parquet"):
        empty("there")
        file = tmp_path / f"here.{form}"
        file.write_bytes(exported("here", form))
        run = imported(file, "there", everything)
        assert (run.state, run.skipped, run.quarantined, run.outcome) == (Import.State.DONE, 0, 0, {}), run.error
        assert run.stored == before.rows
        assert summed("there") == before
    assert everything.audit().balanced


def recomputed(file: bytes) -> str:
    """Return the checksum of a CSV file as docs/exports.md says it is made."""
    heads, *rows = [cells_of(line, ",") or [] for line in lines_of(file.decode())]
    texts = {heads.index(name) for name in ("driver", "gear")}
    total = 0
    for row in rows:
        cells = [
            "\x1e" if cell is None else unguarded(cell) if place in texts else cell
            for place, cell in enumerate(row)
            if heads[place] != "received_at"
        ]
        digest = hashlib.md5("\x1f".join(cells).encode()).digest()
        first, second = struct.unpack(">qq", digest)
        total += (first << 64) + second
    return f"{total % 2**128:032x}"


def lines_of(text: str) -> list[str]:
    """Cut a file where a line ends outside quotes."""
    lines, line = [], ""
    for part in text.split("\n"):
        line += part
        if line.count('"') % 2:
            line += "\n"
        else:
            lines.append(line)
            line = ""
    return [line for line in lines if line]


@given(st.lists(optional(NASTY), min_size=1, max_size=6))
def test_cells_come_back_as_they_were_with_empty_texts_told_from_nothing(cells: list[str | None]) -> None:
    line = ",".join("" if cell is None else '"' + cell.replace('"', '""') + '"' for cell in cells)
    assert cells_of(line, ",") == cells


@given(NASTY)
def test_a_guard_is_put_where_it_is_needed_and_taken_away_exactly(text: str) -> None:
    assert guarded(text)[:1] not in tuple("=+-@\t\r")
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("cell", ["nan", "inf", "1_0", "1e999", "12 km/h", "0x1", "١", "", "-", "1,0"])
def test_no_number_is_made_of_what_is_none(cell: str) -> None:
    assert converted("number", [cell, "1.5"], typed=False, unit="s") == [cell, 1.5]
    assert converted("integer", [cell, "15"], typed=False, unit="s") == [cell, 15]


@pytest.mark.parametrize(
    ("cell", "unit", "time"),
    [
        ("1700000000", "s", "2023-11-14T22:13:20Z"),
        ("1700000000.123456", "s", "2023-11-14T22:13:20.123456Z"),
        ("1700000000123", "ms", "2023-11-14T22:13:20.123000Z"),
        (1700000000123456789, "ns", "2023-11-14T22:13:20.123457Z"),
        ("2023-11-14 22:13:20", "ms", "2023-11-14 22:13:20"),
        ("1e99", "s", "1e99"),
        ("yesterday", "s", "yesterday"),
    ],
)
def test_a_time_that_is_a_number_counts_what_was_said(cell: Any, unit: Any, time: str) -> None:
    assert converted("time", [cell], typed=False, unit=unit) == [time]
