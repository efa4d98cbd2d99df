"""Store a reading as often as it comes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

TARGET = "validation.tables"


def change(module: ModuleType) -> None:
    """Make tables without the key that tells a reading from the next one."""
    tables: Any = module
    create = tables._create_table

    def create_without_key(spec: Any) -> Any:
        key = tables.SQL(";ALTER TABLE {} DROP CONSTRAINT {}").format(
            tables.table(spec.name), tables.Identifier(f"{spec.name}_device_id_ts_seq_key")
        )
        return create(spec) + key

    tables._create_table = create_without_key
