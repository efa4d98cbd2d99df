"""A sum over readings that is the same wherever they are stored, in whatever order, under whatever model's name.

Of each reading the cells that a CSV export has, without `received_at` and without quotes and guards, are put in a row
with U+001F between them, U+001E in place of what is absent; the MD5 of that in UTF-8 is a number of 128 bits, and the
sum of all of them, modulo 2^128, is the checksum. It finds mistakes, and is no protection against whoever makes some
on purpose.
"""

from __future__ import annotations

from contextlib import closing
from typing import NamedTuple

from psycopg.sql import SQL, Composed, Literal

from validation.exports.columns import as_text, columns_of, rows_of_day
from validation.exports.query import RowsQuery
from validation.exports.stream import connect

MODULUS = 2**128
BETWEEN, ABSENT = "\x1f", "\x1e"
WORDS, BITS = 2, 64  # PostgreSQL adds whole numbers of 64 bits exactly, and fast


class Checksum(NamedTuple):
    """How many readings there are, and their sum: 32 hexadecimal digits."""

    rows: int
    checksum: str


def checksum(query: RowsQuery) -> Checksum:
    """Return the checksum of some readings. Blocks while PostgreSQL reads them all; raises psycopg.Error."""
    rows, total = 0, 0
    statements = [_summed(query, number) for number in range(len(query.days))]
    with closing(connect()) as connection:
        for statement, parameters in statements:
            found = connection.execute(statement, parameters).fetchone()
            if found is not None:
                rows += found[0]
                total += sum(int(word or 0) << (BITS * (WORDS - 1 - place)) for place, word in enumerate(found[1:]))
    return Checksum(rows, f"{total % MODULUS:032x}")


def _summed(query: RowsQuery, number: int) -> tuple[Composed, list[object]]:
    rows, parameters = rows_of_day(query, query.days[number])
    cells = [
        SQL("coalesce(({})::text, {})").format(as_text(column, guarded=False), Literal(ABSENT))
        for column in columns_of(query)
        if column.name != "received_at"
    ]
    # They may be negative there, which is the same modulo 2^64 but for a carry: so the upper bits are taken apart.
    words = [
        SQL("sum(('x' || substr(digest, {}, 16))::bit(64)::bigint)").format(Literal(16 * place + 1))
        for place in range(WORDS)
    ]
    statement = SQL("SELECT count(*), {} FROM (SELECT md5(concat_ws({}, {})) AS digest FROM ({}) r) digests").format(
        SQL(", ").join(words), Literal(BETWEEN), SQL(", ").join(cells), rows
    )
    return statement, list(parameters)
