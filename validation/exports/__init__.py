"""Take stored readings out, as CSV or Parquet, with flat memory; see docs/exports.md."""

from validation.exports.checksum import Checksum, checksum
from validation.exports.parquet import to_parquet
from validation.exports.query import RowsQuery, Unknown, rows_query
from validation.exports.series import rows_of, series_as_csv, series_as_parquet
from validation.exports.size import Size, size
from validation.exports.stream import RowStream

__all__ = [
    "Checksum",
    "RowStream",
    "RowsQuery",
    "Size",
    "Unknown",
    "checksum",
    "rows_of",
    "rows_query",
    "series_as_csv",
    "series_as_parquet",
    "size",
    "to_parquet",
]
