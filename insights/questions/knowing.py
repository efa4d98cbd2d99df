"""Read what questions can be about. What the asker may not see is left out, so it is as if it did not exist."""

from __future__ import annotations

from psycopg.sql import SQL

from ingest.models import Device
from insights.questions.grammar.text import EDGES
from insights.questions.query import MAX_CHARACTERS
from insights.questions.vocabulary import KnownDevice, Vocabulary
from validation.presence import expected_interval
from validation.selectors import model_specs, rows_of

# Devices that are known all at once, which takes the longer the more there are. Of more, only those that a question
# names are looked up, and parts of names and slips of the pen find nothing.
MOST_DEVICES = 20_000

COLUMNS = SQL(
    "SELECT d.name, d.tags, d.expected_interval_s, l.interval_s, m.name FROM ingest_device d "
    "LEFT JOIN validation_latest l ON l.device_id = d.id LEFT JOIN validation_datamodel m ON m.id = l.model_id "
)


def vocabulary_for(question: str) -> Vocabulary:
    """Return what a question can be about. Blocks for three queries at most."""
    specs = model_specs()
    is_whole = not Device.objects.order_by().values("id")[MOST_DEVICES : MOST_DEVICES + 1].exists()
    if is_whole:
        rows = rows_of(COLUMNS, [])
    else:
        words = [word.strip(EDGES).removesuffix("'s") for word in question[:MAX_CHARACTERS].split()]
        rows = rows_of(COLUMNS + SQL("WHERE d.name = ANY(%s)"), [words])
    found: dict[str, KnownDevice] = {}
    for name, tags, override, learned, model in rows:
        device = found.setdefault(name, KnownDevice(name, {}, tuple(tags)))
        if model in specs:
            device.intervals[model] = expected_interval(override, learned)
    return Vocabulary(specs, found, is_whole)
