"""Run the evaluation from nothing: a database of its own, the data set, all questions, and the report."""

from __future__ import annotations

from typing import Any

from dataflow.lib.own_database import own_database
from insights.questions.evaluation.filling import fill
from insights.questions.evaluation.scoring import report


def evaluate() -> dict[str, Any]:
    """Return how well each set was answered. Blocks for half a minute; raises NoOwnDatabase."""
    with own_database("_questions"):
        fill()
        return report()
