"""What a chart shows as a file: one row a point, exactly the points that the same question has as its answer.

model, field, unit, device, tag, function, shift_s, ts, value; of buckets also min, max and count, and `ts` is where the
bucket begins. A gap is a row with a time and no value, as it is a point without one in the answer. The answer to a
question is bounded, so its file is made at once.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson

from validation.exports.guarding import guarded
from validation.history import Answer
from validation.moments import moment

ABOUT = ("model", "field", "unit", "device", "tag", "function", "shift_s")
OF_READINGS, OF_BUCKETS = ("ts", "value"), ("ts", "value", "min", "max", "count")
LARGEST_WHOLE = 1e15  # beyond which a number is written with an exponent
Cell = str | float | int | bool | None


def headings_of(answer: Answer) -> tuple[str, ...]:
    """Return the columns."""
    return ABOUT + (OF_READINGS if answer.bucket_s is None else OF_BUCKETS)


def rows_of(answer: Answer) -> Iterator[list[Cell]]:
    """Yield a row a point, series after series, as the answer has them."""
    for line in answer.series:
        about = [line.model, line.field.name, line.field.unit, line.device, line.tag, line.function, line.shift_s]
        points = line.points.tolist() if isinstance(line.points, np.ndarray) else line.points
        for ts, *values in points:
            yield [*about, _time(ts), *map(_cell, values)]


def series_as_csv(answer: Answer) -> bytes:
    """Return the rows as CSV, texts guarded against being taken for formulas."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(headings_of(answer))
    writer.writerows([_written(cell) for cell in row] for row in rows_of(answer))
    return file.getvalue().encode()


def series_as_parquet(answer: Answer) -> bytes:
    """Return the rows as Parquet. Where the values are not all numbers, they are texts."""
    import pyarrow as pa  # noqa: PLC0415  (which only those load who want Parquet)
    import pyarrow.parquet as pq  # noqa: PLC0415

    heads = headings_of(answer)
    columns: dict[str, list[Any]] = {head: [] for head in heads}
    for row in rows_of(answer):
        for head, cell in zip(heads, row, strict=True):
            columns[head].append(cell)
    if not all(cell is None or _is_number(cell) for cell in columns["value"]):
        columns["value"] = [_as_text(cell) for cell in columns["value"]]
        value = pa.string()
    else:
        value = pa.float64()
    types = {"shift_s": pa.float64(), "min": pa.float64(), "max": pa.float64(), "count": pa.int64(), "value": value}
    arrays = {head: pa.array(cells, types.get(head, pa.string())) for head, cells in columns.items()}
    table = pa.table(arrays)
    exact = table["ts"].cast(pa.timestamp("us", tz="UTC"))
    sink = io.BytesIO()
    pq.write_table(table.set_column(heads.index("ts"), "ts", exact), sink, compression="zstd")
    return sink.getvalue()


def _time(seconds: float) -> str:
    return moment(round(seconds * 1e6)).isoformat().replace("+00:00", "Z")


def _cell(value: Any) -> Cell:
    """Return a value of a point, None where it has none; a place on the earth is JSON."""
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return None if isinstance(value, float) and math.isnan(value) else value


def _written(cell: Cell) -> Cell:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < LARGEST_WHOLE:
        return int(cell)  # counts are whole, and 250 is how readings are exported as well
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return guarded(cell) if isinstance(cell, str) else cell


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, float | int) and not isinstance(cell, bool)


def _as_text(cell: Cell) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    return str(cell).lower() if isinstance(cell, bool) else repr(cell)
