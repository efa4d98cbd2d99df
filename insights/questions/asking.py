"""Answer a question: read it, run it, word it. Everything that is not clear is asked back, and nothing else is run."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from insights.questions.charting import chart_of
from insights.questions.grammar import read_question
from insights.questions.knowing import vocabulary_for
from insights.questions.listing import listed
from insights.questions.query import AskBack, Query
from insights.questions.results import Result, Row
from insights.questions.running import run
from insights.questions.telling import Telling
from insights.questions.vocabulary import Vocabulary

Outcome = Literal["answer", "no_data", "ask_back"]
ENGINE = "grammar"
MOST_SUGGESTIONS = 8


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What became of a question.

    `query` and `result` are None when it was asked back; `code` says why then, and `suggestions` are questions that
    would be answered. `chart` is data for one, where one helps.
    """

    outcome: Outcome
    answer: str
    query: Query | None = None
    result: Result | None = None
    code: str = ""
    suggestions: tuple[str, ...] = ()
    chart: dict[str, Any] | None = None
    facts: list[dict[str, Any]] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        """Return the reply as the API and the command have it."""
        rows: list[Row] = self.result.rows if self.result else []
        return {
            "answer": self.answer,
            "outcome": self.outcome,
            "code": self.code,
            "query": self._query(),
            "rows": rows,
            "rows_in_all": self.result.in_all if self.result else 0,
            "facts": self.facts,
            "chart": self.chart,
            "suggestions": list(self.suggestions),
            "engine": ENGINE,
            "note": "",
        }

    def _query(self) -> dict[str, Any] | None:
        if self.query is None or self.result is None:
            return None
        return {"typed": msgspec.to_builtins(self.query), "sql": "\n\n".join(self.result.sql)}


def ask(
    question: str, now: datetime, zone: str, *, with_chart: bool = True, vocabulary: Vocabulary | None = None
) -> Reply:
    """Answer a question about what is stored; `zone` is where its days begin. Blocks for the database.

    `vocabulary` is what the asker may see, everything when it is left out; what is not in it does not exist for the
    question. Raises TooSlow where reading took longer than ten seconds.
    """
    vocabulary = vocabulary_for(question) if vocabulary is None else vocabulary
    try:
        query = read_question(question, vocabulary, now, zone)
    except AskBack as doubt:
        return asked_back(question, doubt)
    return answered(query, vocabulary, now, with_chart=with_chart)


def answered(query: Query, vocabulary: Vocabulary, now: datetime, *, with_chart: bool = True) -> Reply:
    """Run a query and word what it gives. Blocks for the database; raises TooSlow."""
    result = listed(query, vocabulary, now) if query.kind == "list" else run(query, vocabulary, now)
    return Reply(
        outcome="no_data" if result.is_empty else "answer",
        answer=Telling(query, result, vocabulary, now).sentences(),
        query=query,
        result=result,
        chart=chart_of(query, vocabulary, now) if with_chart and not result.is_empty else None,
        facts=facts_of(query, result, vocabulary),
    )


def facts_of(query: Query, result: Result, vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Return the numbers that the answer is made of, by name, with their units."""
    unit = vocabulary.field(query.fields[0]).unit if query.fields else ""
    units = {"duration": "s", "when": "s since 1970", "trend": f"{unit}/h", "count": "1", "correlate": "1", "list": "1"}
    found = [{"name": query.kind, "value": result.number, "unit": units.get(query.kind, unit)}]
    found += [{"name": f"of {name}", "value": value, "unit": unit} for name, value in result.by_device.items()]
    plain = {name: value for name, value in result.others.items() if isinstance(value, int | float)}
    measured = ("average", "minimum", "maximum", "first", "second", "value")
    found += [
        {"name": name, "value": value, "unit": unit if name in measured else "1"} for name, value in plain.items()
    ]
    return [fact for fact in found if fact["value"] is not None]


def asked_back(question: str, doubt: AskBack) -> Reply:
    """Return the question back, with questions that would be clear."""
    made = tuple(_with_choice(question.strip(), doubt.part, choice) for choice in doubt.choices[:MOST_SUGGESTIONS])
    return Reply(outcome="ask_back", answer=doubt.sentence, code=doubt.code, suggestions=made)


def _with_choice(question: str, part: str, choice: str) -> str:
    """Return a question with what is doubtful in it replaced, or with the choice behind it."""
    if part:
        pattern = re.compile(rf"(?<![^\W_]){re.escape(part)}(?![^\W_])", re.IGNORECASE)
        if pattern.search(question):
            return pattern.sub(lambda _: choice, question, count=1)
    return f"{question.rstrip('?.! ')} – {choice}?"
