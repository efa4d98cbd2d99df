"""How many rows a second go out of the tables into a file, and from a file through validation and ledger into a table.

A file of made-up readings of four values is imported into a model of its own, `bench_transfer`, exported as CSV and as
Parquet, and the Parquet file is imported into another one, `bench_transfer_copy`: both must have the same checksum. The
import's clock runs until every row has its outcome in the ledger. The readings stay, as devices `bench_…`; the models
are taken out of service at the end.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings

from dataflow.bench.processes import processes, seconds_by_kind
from dataflow.bench.throughput import BenchFailed, Options, settled_audit
from ingest.buffers import ring_urls
from ingest.models import Device
from validation import drafting, imports
from validation.exports import Checksum, RowStream, checksum, rows_query, to_parquet
from validation.models import DataModel, Import
from validation.publishing import publish, resume, withdraw
from validation.spec import FieldSpec, ModelSpec

ONE, OTHER = "bench_transfer", "bench_transfer_copy"
FIELDS = ("speed", "heading", "latitude", "longitude")
ROWS = 400_000  # unless said otherwise
TIMES = 3  # an export is made, and the median counts
DEVICES = 10
SLICE_S = 0.5


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Import, export, and import the export; return the figures. Blocks until every row is stored."""
    rows = options.rows or ROWS
    models = [_model(name) for name in (ONE, OTHER)]
    prefix = f"bench_{int(time.time()):x}_"
    try:
        with TemporaryDirectory(prefix="dataflow-bench-") as folder:
            csv, parquet = Path(folder) / "rows.csv", Path(folder) / "rows.parquet"
            say(f"writing a file of {rows:,} rows")
            csv.write_bytes(b"".join(_made_up(rows, prefix)))
            report: dict[str, Any] = {"benchmark": "transfer", "rows": rows, "csv_bytes": csv.stat().st_size}
            report["import_csv"] = _imported(csv, ONE, rows, say)
            report["export_csv"] = _exported(rows, prefix, "csv", Path(os.devnull), say)
            report["export_parquet"] = _exported(rows, prefix, "parquet", parquet, say)
            report["parquet_bytes"] = parquet.stat().st_size
            report["import_parquet"] = _imported(parquet, OTHER, rows, say)
        sums = [_sum(name, prefix) for name in (ONE, OTHER)]
        books = settled_audit()
    finally:
        for model in models:
            withdraw(model)
    return report | {
        "checksum": sums[0].checksum,
        "same_checksum": sums[0] == sums[1],
        "ledger": asdict(books.total) | {"balanced": books.balanced and sums[0] == sums[1]},
    }


def _model(name: str) -> DataModel:
    model = DataModel.objects.filter(name=name).first()
    if model is None:
        fields = tuple(FieldSpec(name=field, kind="number") for field in FIELDS)
        spec = ModelSpec(name=name, topic_filter=f"{name.replace('_', '-')}/+/telemetry", fields=fields)
        model = drafting.save(spec, "Made and used by the benchmark of exports and imports.")
        publish(model, by="benchmark")
    resume(model)
    return model


def _made_up(rows: int, prefix: str) -> Iterable[bytes]:
    """Yield a file: each device once a second, until now."""
    yield f"device,ts,seq,{','.join(FIELDS)}\n".encode()
    start = int(time.time()) - rows // DEVICES - 1
    for number in range(rows):
        moment = datetime.fromtimestamp(start + number // DEVICES, UTC)
        yield b"%s%02d,%s.%06dZ,%d,%.1f,%d,%.5f,%.5f\n" % (
            prefix.encode(),
            number % DEVICES,
            moment.strftime("%Y-%m-%dT%H:%M:%S").encode(),
            number % 1_000_000,
            number + 1,
            number % 1200 / 10,
            number % 360,
            47 + number % 5000 * 1e-5,
            8 + number % 5000 * 1e-5,
        )


def _imported(path: Path, model: str, rows: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Import a file and return how fast that was, until the last row was stored."""
    say(f"importing {path.name}")
    clock = _Clock(rows)
    run = imports.begin(path, model=model, form="", said={}, dry_run=False, by="benchmark")
    importer = imports.Importer()
    while importer.advance(run.pk, SLICE_S, patient=True):
        pass
    figures = clock.figures()
    run.refresh_from_db()
    if run.state != Import.State.DONE or run.stored != rows:
        raise BenchFailed(f"of {rows:,} rows {run.stored:,} are stored; the import is {run.state}. {run.error}")
    return figures


def _exported(rows: int, prefix: str, form: str, path: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Export all rows a few times and return how fast the median was."""
    query = rows_query(ONE, devices=_devices(prefix))
    found = []
    for _ in range(TIMES):
        say(f"exporting as {form}")
        clock = _Clock(rows)
        stream = RowStream(query, guarded=form == "csv")
        blocks = stream.blocks() if form == "csv" else to_parquet(query, stream.blocks())
        with closing(blocks), path.open("wb") as file:
            file.writelines(blocks)
        found.append(clock.figures())
    return sorted(found, key=lambda figures: figures["rows_per_second"])[TIMES // 2]


class _Clock:
    """What some rows take from now on: time, and processor time by kind of process."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._used = self._spent()
        self._began = time.monotonic()

    def figures(self) -> dict[str, Any]:
        """Return them."""
        seconds = time.monotonic() - self._began
        used = self._spent()
        used.subtract(self._used)
        costs = {kind: round(spent / self._rows * 1e6, 2) for kind, spent in sorted(used.items()) if spent > 0}
        return {"rows_per_second": round(self._rows / seconds), "cpu_us_per_row": costs}

    def _spent(self) -> Counter[str]:
        mine = os.times()
        spent = seconds_by_kind(processes(settings.DATA_DIR, [settings.DATABASE_URL, settings.REDIS_URL, *ring_urls()]))
        spent["this command"] += mine.user + mine.system  # type: ignore[assignment]  # seconds, not a count
        return spent


def _devices(prefix: str) -> list[str]:
    return list(Device.objects.filter(name__startswith=prefix).values_list("name", flat=True))


def _sum(model: str, prefix: str) -> Checksum:
    return checksum(rows_query(model, devices=_devices(prefix)))
