"""Which records of quarantine a request means."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
from rest_framework.exceptions import ValidationError

from dashboard.api.v1.names import SHOWN, some
from ingest.topics import InvalidTopic, check_filter
from validation.models import DataModel
from validation.quarantine import Selection

MOST_IDS = 10_000  # records that are named one by one
MAX_ID = 2**63 - 1
MAX_FILTER = 255  # characters; as long as that of a model


class Discard(msgspec.Struct):
    """What to throw away."""

    selection: Selection


class StartReplay(msgspec.Struct):
    """What to judge again, and whether only to see what would come of it."""

    selection: Selection
    dry_run: bool = False


def selection_of(values: dict[str, Any]) -> Selection:
    """Return the selection that an address describes, checked as `checked` does."""
    names = set(Selection.__struct_fields__)
    return checked(Selection(**{name: value for name, value in values.items() if name in names}))


def checked(selection: Selection, at: str = "") -> Selection:
    """Return a selection with its times in UTC; raise ValidationError for a model or topic filter that is none."""
    prefix = f"{at}." if at else ""
    if selection.model and not DataModel.objects.filter(name=selection.model).exists():
        known = some(DataModel.objects.order_by("name").values_list("name", flat=True)[: SHOWN + 1])
        words = f"There is no model {selection.model!r}. There are: {known}. An empty text means topics of no model."
        raise ValidationError({f"{prefix}model": [words]}, "unknown_model")
    if selection.topic_filter is not None:
        check_pattern(selection.topic_filter, f"{prefix}topic_filter")
    if len(selection.ids) > MOST_IDS or not all(0 < number <= MAX_ID for number in selection.ids):
        raise ValidationError({f"{prefix}ids": [f"Expected at most {MOST_IDS:,} identities, each above 0."]}, "invalid")
    return msgspec.structs.replace(selection, since=_in_utc(selection.since), until=_in_utc(selection.until))


def check_pattern(pattern: str, at: str) -> None:
    """Raise ValidationError for a text that is no topic filter, or longer than a model's can be."""
    try:
        check_filter(pattern)
    except InvalidTopic as error:
        raise ValidationError({at: [str(error)]}, "topic_filter") from error
    if len(pattern) > MAX_FILTER:
        raise ValidationError({at: [f"Expected a topic filter of at most {MAX_FILTER} characters."]}, "topic_filter")


def is_everything(selection: Selection) -> bool:
    """Tell whether a selection leaves nothing out."""
    return selection == Selection()


def told(selection: Selection) -> str:
    """Return a selection in words, for the history."""
    parts = [f"{name} {value!r}" for name, value in msgspec.to_builtins(selection).items() if value not in (None, ())]
    return ", ".join(part for part in parts if not part.endswith("[]")) or "all of quarantine"


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
