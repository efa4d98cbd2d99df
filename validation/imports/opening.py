"""Open a file for an import: which reader, from where on, and what becomes of its columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

from validation.imports.delimited import DelimitedFile
from validation.imports.files import opened
from validation.imports.lines import LineFile
from validation.imports.messages import Builder
from validation.imports.parquet import ParquetRows
from validation.imports.plan import Plan, plan_of, wanted_of
from validation.imports.reader import Position, Reader, Refused
from validation.models import DataModel, Import
from validation.publishing import newest, spec_of
from validation.spec import ModelSpec

Form = Literal["csv", "parquet", "lp"]
FORMS: tuple[Form, ...] = ("csv", "parquet", "lp")
ENDINGS: dict[str, Form] = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".parquet": "parquet", ".pq": "parquet", ".lp": "lp", ".line": "lp",
}  # fmt: skip


@dataclass(slots=True)
class Opened:
    """An open file, and what makes messages of its rows."""

    reader: Reader
    plan: Plan
    builder: Builder
    position: Position


def form_of(name: str) -> Form:
    """Return what kind of file one of this name is; raise Refused when the name does not say."""
    ending = "." + name.rpartition(".")[2].lower()
    if ending not in ENDINGS:
        raise Refused(f"Say what the file {name[:80]!r} is: {', '.join(FORMS)}.")
    return ENDINGS[ending]


def open_run(run: Import) -> Opened:
    """Open the file of an import where it goes on. Raises Refused."""
    spec = spec_in_service(run.model)
    settings: dict[str, Any] = run.settings
    position = Position(**run.position)
    return open_file(opened(run), spec, run.form, settings, position)


def open_file(file: BinaryIO, spec: ModelSpec, form: str, settings: dict[str, Any], position: Position) -> Opened:
    """Open a file. `settings` has mapping, device, unit and measurement as far as they are given. Raises Refused."""
    mapping: dict[str, str] = settings.get("mapping", {})
    try:
        reader: Reader
        if form == "csv":
            reader = DelimitedFile(file, position)
        elif form == "parquet":
            reader = ParquetRows(file, position)
        else:
            reader = LineFile(file, position, settings.get("measurement") or spec.name, wanted_of(spec, mapping))
        unit = settings.get("unit") or ("ns" if form == "lp" else "s")
        plan = plan_of(spec, reader.columns, mapping, settings.get("device", ""), unit)
    except BaseException:
        file.close()
        raise
    return Opened(reader, plan, Builder(spec, plan, typed=reader.typed), position)


def spec_in_service(name: str) -> ModelSpec:
    """Return what a model's newest version says; raise Refused when workers would judge nothing by it."""
    model = DataModel.objects.filter(name=name).first()
    spec = spec_of(newest(model)) if model is not None else None
    if model is None or spec is None:
        known = ", ".join(DataModel.objects.filter(versions__isnull=False).distinct().values_list("name", flat=True))
        raise Refused(f"There is no published model {name!r}. Published: {known or 'none yet'}.")
    if not model.published:
        raise Refused(f"The model {name} is not in service.")
    return spec
