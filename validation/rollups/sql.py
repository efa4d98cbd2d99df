"""The statements that compute buckets: minutes from readings, hours from minutes, days from hours.

Each is an expression over one device and one stretch of time, which is looked up by the index that is there anyway
(device, time, sequence), in its order. So the same readings always give the same sums, to the last bit, and first and
last cost a look at either end. Measured with four numbers a reading: 0.75 µs of PostgreSQL a reading.

Where a finer level is not kept, its rows are computed on the way from the next finer one: the sums stay the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from psycopg.sql import SQL, Composable, Identifier, Literal

from validation.rollups.layout import NUMERIC, PARTS, VALUED, column, columns_of
from validation.rollups.levels import FINER, SECONDS, Level
from validation.rollups.tables import part
from validation.spec import FieldSpec

# Values that are told apart in one bucket; the others are counted together, under REST.
MAX_VALUES, REST = 100, "…"
LONGEST_VALUE = 100  # characters of a value that is counted; what begins alike is counted as one
LARGEST = 1.7976931348623157e308  # what a double holds at most: a sum beyond it stays there
DEVICE, START, END = SQL("p.device_id"), SQL("p.bucket"), SQL("p.until")


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a bucket is computed of: the fields, how to read each from the readings, and which levels are stored.

    `careful` adds without the error that PostgreSQL raises when a sum is larger than a double; it is slower.
    """

    model: str
    fields: Sequence[FieldSpec]
    values: Mapping[str, Composable]
    stored: frozenset[Level]
    careful: bool = False


def names(fields: Sequence[FieldSpec]) -> list[str]:
    """Return the columns of some fields, in order."""
    return [name for field in fields for name in columns_of(field)]


def buckets(recipe: Recipe, level: Level, day: date) -> Composable:
    """Return a query for buckets that all lie on one day (UTC); its parameters are devices and first moments.

    Its columns are device_id, bucket, readings and those of the fields. A bucket without readings has a row, too.
    """
    return SQL(
        "SELECT p.device_id, p.bucket, x.* FROM (SELECT d AS device_id, b AS bucket, b + {} AS until "
        "FROM unnest(%s::int4[], %s::timestamptz[]) AS u (d, b)) AS p CROSS JOIN LATERAL ({}) AS x"
    ).format(_interval(level), bucket(recipe, level, day, DEVICE, START, END))


def bucket(
    recipe: Recipe, level: Level, day: date, device: Composable, start: Composable, end: Composable
) -> Composable:
    """Return a query for one bucket of a level: one row of readings and the columns of the fields."""
    if level == "1m":
        return _of_readings(recipe, day, device, start, end)
    return _of_finer(recipe, level, day, device, start, end)


def _interval(level: Level) -> Composable:
    return Literal(f"{SECONDS[level]} seconds") + SQL("::interval")


def _of_readings(recipe: Recipe, day: date, device: Composable, start: Composable, end: Composable) -> Composable:
    raw = part(recipe.model, "raw", day)
    where = SQL("r.device_id = {} AND r.ts >= {} AND r.ts < {}").format(device, start, end)
    sums: list[Composable] = [SQL("count(*) AS readings")]
    shown: list[Composable] = [SQL("a.readings")]
    for field in recipe.fields:
        value = recipe.values[field.name]
        sums += _sums(recipe, field)
        shown += _shown(field, raw, where, value)
    values: list[Composable] = [
        SQL("{} AS {}").format(recipe.values[field.name], Identifier(field.name)) for field in recipe.fields
    ]
    ends = [field for field in recipe.fields if field.kind in NUMERIC]
    return SQL(
        "SELECT {shown} FROM (SELECT {sums} FROM (SELECT {values} FROM {raw} r WHERE {where} ORDER BY r.ts, r.seq) v) a"
        "{first}{last}"
    ).format(
        shown=SQL(", ").join(shown),
        sums=SQL(", ").join(sums),
        values=SQL(", ").join(values or [SQL("NULL")]),
        raw=raw,
        where=where,
        first=_end("first", "ASC", recipe, ends, raw, where),
        last=_end("last", "DESC", recipe, ends, raw, where),
    )


def _sums(recipe: Recipe, field: FieldSpec) -> list[Composable]:
    """Return what one pass over the readings finds out about a field."""
    name = Identifier(field.name)
    if field.kind in NUMERIC:
        added = _careful_sum(name) if recipe.careful else SQL("sum({}::float8)").format(name)
        found = {"count": SQL("count({})"), "min": SQL("min({})::float8"), "max": SQL("max({})::float8")}
        made: dict[str, Composable] = {**{part: sql.format(name) for part, sql in found.items()}, "sum": added}
        return [SQL("{} AS {}").format(sql, Identifier(column(field.name, part))) for part, sql in made.items()]
    if field.kind == "boolean":
        name_of_values = Identifier(column(field.name, "values"))
        return [
            SQL(
                "CASE WHEN count({0}) > 0 THEN jsonb_strip_nulls(jsonb_build_object('true', "
                "nullif(count(*) FILTER (WHERE {0}), 0), 'false', nullif(count(*) FILTER (WHERE NOT {0}), 0))) "
                "END AS {1}"
            ).format(name, name_of_values)
        ]
    if field.kind in VALUED:
        return []
    return [SQL("count({}) AS {}").format(name, Identifier(column(field.name, "count")))]


def _careful_sum(name: Composable) -> Composable:
    return SQL("CASE WHEN count({0}) > 0 THEN greatest({1}, least({2}, sum({0}::numeric)))::float8 END").format(
        name, Literal(-LARGEST) + SQL("::numeric"), Literal(LARGEST) + SQL("::numeric")
    )


def _shown(field: FieldSpec, raw: Composable, where: Composable, value: Composable) -> list[Composable]:
    """Return the columns of a field."""
    if field.kind in NUMERIC:
        ends = {"first": SQL("ASC"), "last": SQL("DESC")}
        return [
            _end_of(field, part, raw, where, value, ends[part])
            if part in ends
            else SQL("a.{}").format(Identifier(column(field.name, part)))
            for part in PARTS
        ]
    if field.kind in VALUED and field.kind != "boolean":
        counted = SQL(
            "SELECT left({value}, {longest}) AS k, count(*) AS n FROM {raw} r WHERE {where} AND {value} IS NOT NULL "
            "GROUP BY 1"
        ).format(value=value, longest=Literal(LONGEST_VALUE), raw=raw, where=where)
        return [_most_frequent(field, counted)]
    [name] = columns_of(field)
    return [SQL("a.{}").format(Identifier(name))]


def _end(
    alias: str, order: str, recipe: Recipe, fields: Sequence[FieldSpec], raw: Composable, where: Composable
) -> Composable:
    """Return the join with the reading at one end of the bucket."""
    if not fields:
        return SQL("")
    return SQL(
        " LEFT JOIN LATERAL (SELECT {} FROM {} r WHERE {} ORDER BY r.ts {o}, r.seq {o} LIMIT 1) {} ON true"
    ).format(
        SQL(", ").join(SQL("{} AS {}").format(recipe.values[field.name], Identifier(field.name)) for field in fields),
        raw,
        where,
        SQL(alias),
        o=SQL(order),
    )


def _end_of(
    field: FieldSpec, end: str, raw: Composable, where: Composable, value: Composable, order: Composable
) -> Composable:
    """Return a field at one end of the bucket; when the reading there does not have it, it is looked for further on."""
    return SQL(
        "CASE WHEN a.{count} > 0 THEN coalesce({end}.{name}, (SELECT {value} FROM {raw} r WHERE {where} "
        "AND {value} IS NOT NULL ORDER BY r.ts {order}, r.seq {order} LIMIT 1))::float8 END AS {column}"
    ).format(
        count=Identifier(column(field.name, "count")),
        end=Identifier(end),
        name=Identifier(field.name),
        value=value,
        raw=raw,
        where=where,
        order=order,
        column=Identifier(column(field.name, end)),
    )


def _most_frequent(field: FieldSpec, counted: Composable) -> Composable:
    """Return the counts of the most frequent values as an object, those of all others under REST."""
    return SQL(
        "(SELECT jsonb_object_agg(k, n) FROM (SELECT CASE WHEN place <= {most} THEN k ELSE {rest} END AS k, "
        'sum(n)::bigint AS n FROM (SELECT k, n, row_number() OVER (ORDER BY k = {rest}, n DESC, k COLLATE "C") '
        "AS place FROM ({counted}) c) ranked GROUP BY 1) bounded) AS {column}"
    ).format(
        most=Literal(MAX_VALUES),
        rest=Literal(REST),
        counted=counted,
        column=Identifier(column(field.name, "values")),
    )


def _of_finer(
    recipe: Recipe, level: Level, day: date, device: Composable, start: Composable, end: Composable
) -> Composable:
    rows = _rows(recipe, FINER[level], day, device, start, end)
    shown: list[Composable] = [SQL("coalesce(sum(f.readings), 0)::bigint AS readings")]
    for field in recipe.fields:
        shown += _of_finer_parts(recipe, field, rows)
    return SQL("SELECT {} FROM (SELECT * FROM ({}) u ORDER BY u.bucket) f").format(SQL(", ").join(shown), rows)


def _of_finer_parts(recipe: Recipe, field: FieldSpec, rows: Composable) -> list[Composable]:
    if field.kind in VALUED:
        [name] = columns_of(field)
        counted = SQL(
            "SELECT e.key AS k, sum(e.value::bigint)::bigint AS n FROM ({}) w, jsonb_each_text(w.{}) e GROUP BY 1"
        ).format(rows, Identifier(name))
        return [_most_frequent(field, counted)]
    made: dict[str, Callable[[Composable], Composable]] = {
        "count": lambda name: SQL("coalesce(sum({}), 0)::bigint").format(name),
        "sum": _careful_sum if recipe.careful else lambda name: SQL("sum({})").format(name),
        "min": lambda name: SQL("min({})").format(name),
        "max": lambda name: SQL("max({})").format(name),
        "first": lambda name: SQL("(array_agg({0}) FILTER (WHERE {0} IS NOT NULL))[1]").format(name),
        "last": lambda name: SQL("(array_agg({0}) FILTER (WHERE {0} IS NOT NULL))[count({0})]").format(name),
    }
    return [
        SQL("{} AS {}").format(made[name.rpartition(".")[2]](SQL("f.{}").format(Identifier(name))), Identifier(name))
        for name in columns_of(field)
    ]


def _rows(
    recipe: Recipe, level: Level, day: date, device: Composable, start: Composable, end: Composable
) -> Composable:
    """Return a query for the buckets of a level between two moments of one device, those without readings left out."""
    shown = SQL(", ").join(map(Identifier, ["bucket", "readings", *names(recipe.fields)]))
    if level in recipe.stored:
        return SQL("SELECT {} FROM {} s WHERE s.device_id = {} AND s.bucket >= {} AND s.bucket < {}").format(
            shown, part(recipe.model, level, day), device, start, end
        )
    # Each level has names of its own, as the statements lie in one another.
    step, alias = _interval(level), Identifier(f"b{level}")
    found = bucket(recipe, level, day, device, SQL("{}.b").format(alias), SQL("{}.b + {}").format(alias, step))
    return SQL(
        "SELECT {alias}.b AS bucket, x.* FROM generate_series({start}, {end} - {step}, {step}) AS {alias} (b) "
        "CROSS JOIN LATERAL ({found}) x WHERE x.readings > 0"
    ).format(alias=alias, start=start, end=end, step=step, found=found)
