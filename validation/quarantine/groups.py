"""Group quarantine by what records have in common, the largest groups first, each with its trend and a sample."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, QuerySet
from django.db.models.functions import TruncHour

from validation.models import DataModel, Quarantined
from validation.quarantine.selection import Selection, select
from validation.selectors import bounded_read

# What records can be grouped by, and the column of each.
COLUMNS = {"model": "model_id", "code": "code", "place": "place", "device": "device", "topic": "topic"}
TREND_HOURS = 24
HOUR = timedelta(hours=1)
Key = tuple[Any, ...]  # what the records of a group have in common, in the order in which they were grouped


@dataclass(slots=True)
class Group:
    """Records that have something in common; what they were not grouped by is None. An empty model is none at all.

    `first` and `last` are times of receipt, `sample_id` and `detail` of the newest record, and `trend` counts the
    records of the last 24 hours of the clock (UTC), oldest first; the last one has just begun.
    """

    model: str | None
    code: str | None
    place: str | None
    device: str | None
    topic: str | None
    count: int
    first: datetime
    last: datetime
    sample_id: int
    detail: str = ""
    trend: list[int] = field(default_factory=lambda: [0] * TREND_HOURS)


def groups(selection: Selection, by: tuple[str, ...], limit: int = 100, now: datetime | None = None) -> list[Group]:
    """Return the largest groups of selected records.

    `by` names at least one of model, code, place, device, topic. Raises ValueError when it does not, and
    selectors.TooSlow. A million records take about a second.
    """
    if not by or not set(by) <= COLUMNS.keys():
        raise ValueError(f"Records are grouped by some of {', '.join(COLUMNS)}; not by {', '.join(by) or 'nothing'}.")
    columns = [COLUMNS[name] for name in by]
    selected = select(selection)
    with bounded_read():
        found = _largest(selected, columns, limit)
        names = dict(
            DataModel.objects.filter(pk__in={row["model_id"] for row in found if "model_id" in row}).values_list(
                "pk", "name"
            )
        )
        keyed = {_key(row, columns): _group(row, by, names) for row in found}
        _add_details(keyed.values())
        _add_trends(keyed, selected, columns, now or datetime.now(UTC))
    return list(keyed.values())


def _largest(selected: QuerySet[Quarantined], columns: list[str], limit: int) -> list[dict[str, Any]]:
    counted = (
        selected.order_by()
        .values(*columns)
        .annotate(count=Count("pk"), first=Min("received_at"), last=Max("received_at"), sample_id=Max("pk"))
    )
    return list(counted.order_by("-count", "-sample_id")[:limit])


def _key(row: Mapping[str, Any], columns: Iterable[str]) -> Key:
    return tuple(row[column] for column in columns)


def _group(row: Mapping[str, Any], by: tuple[str, ...], names: Mapping[int, str]) -> Group:
    common = {name: row[COLUMNS[name]] for name in by}
    if "model" in common:
        common["model"] = names.get(common["model"], "")
    return Group(
        model=common.get("model"),
        code=common.get("code"),
        place=common.get("place"),
        device=common.get("device"),
        topic=common.get("topic"),
        count=row["count"],
        first=row["first"],
        last=row["last"],
        sample_id=row["sample_id"],
    )


def _add_details(found: Iterable[Group]) -> None:
    """Say of each group what the first reason of its sample is."""
    samples = {group.sample_id: group for group in found}
    for number, reasons in Quarantined.objects.filter(pk__in=samples).values_list("pk", "reasons"):
        samples[number].detail = reasons[0]["detail"] if reasons else ""


def _add_trends(found: Mapping[Key, Group], selected: QuerySet[Quarantined], columns: list[str], now: datetime) -> None:
    """Count each group's records by the hour."""
    start = now.replace(minute=0, second=0, microsecond=0) - (TREND_HOURS - 1) * HOUR
    recent = selected.filter(received_at__gte=start, received_at__lt=start + TREND_HOURS * HOUR)
    for place, column in enumerate(columns):
        if column != "model_id":  # which may be NULL, and there are not many models
            recent = recent.filter(**{f"{column}__in": {key[place] for key in found}})
    hourly = recent.order_by().annotate(hour=TruncHour("received_at", tzinfo=UTC)).values(*columns, "hour")
    for row in hourly.annotate(count=Count("pk")):
        group = found.get(_key(row, columns))
        if group is not None:
            group.trend[(row["hour"] - start) // HOUR] = row["count"]
