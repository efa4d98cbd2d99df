"""Ask all questions of the written sets and compare query and number with what was expected."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from insights.questions.asking import Reply, ask
from insights.questions.evaluation.ground import NOW, ZONE

SETS = ("tuned", "held_out")
HERE = Path(__file__).parent
# An average of thousands of doubles differs in its last digits with the order in which they are added.
TOLERANCE = 1e-6

Verdict = Literal["right", "asked_back", "wrong"]


class Expected(msgspec.Struct, frozen=True):
    """A question, what should become of it, and for an answer the query and the number; `mentions` must be said."""

    id: str
    question: str
    outcome: Literal["answer", "no_data", "ask_back"]
    query: dict[str, Any] | None = None
    number: float | None = None
    winner: str | None = None
    by_device: dict[str, float] | None = None
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scored:
    """One question of the set and what became of it. `asked_back` is a question that should have been answered."""

    expected: Expected
    reply: Reply
    verdict: Verdict
    why: str


def questions(name: str) -> list[Expected]:
    """Return the questions of a set."""
    return msgspec.json.decode((HERE / f"{name}.json").read_bytes(), type=list[Expected])


def scored(name: str) -> list[Scored]:
    """Ask the questions of a set; the data set has to be stored. Blocks for the database."""
    return [score(expected, ask(expected.question, NOW, ZONE)) for expected in questions(name)]


def score(expected: Expected, reply: Reply) -> Scored:
    """Judge a reply. Answering what should be asked back is wrong; asking what could be answered is not right."""
    if expected.outcome == "ask_back":
        if reply.outcome != "ask_back":
            return Scored(expected, reply, "wrong", "answered a doubtful question")
        said = " ".join([reply.answer, *reply.suggestions])
        silent = [word for word in expected.mentions if word not in said]
        return Scored(
            expected, reply, "asked_back" if silent else "right", f"did not mention {silent}" if silent else ""
        )
    if reply.outcome == "ask_back":
        return Scored(expected, reply, "asked_back", reply.answer)
    faults = [
        fault
        for differs, fault in (
            (reply.outcome != expected.outcome, f"{reply.outcome} instead of {expected.outcome}"),
            *((fault, fault) for fault in _faults_of_query(expected, reply)),
            *((fault, fault) for fault in _faults_of_numbers(expected, reply)),
        )
        if differs
    ]
    return Scored(expected, reply, "wrong" if faults else "right", "; ".join(faults))


def _faults_of_query(expected: Expected, reply: Reply) -> list[str]:
    found = json.loads(msgspec.json.encode(reply.query))
    return [
        f"{name} {found.get(name)} instead of {value}"
        for name, value in (expected.query or {}).items()
        if not _same(found.get(name) or None, value or None)
    ]


def _faults_of_numbers(expected: Expected, reply: Reply) -> list[str]:
    result = reply.result
    if result is None or expected.outcome != "answer":
        return []
    faults = []
    if expected.number is not None and not _same(result.number, expected.number):
        faults.append(f"number {result.number} instead of {expected.number}")
    if expected.winner is not None and result.winner != expected.winner:
        faults.append(f"of {result.winner} instead of {expected.winner}")
    if expected.by_device is not None and result.by_device != expected.by_device:
        faults.append(f"{result.by_device} instead of {expected.by_device}")
    return faults


def _same(found: Any, expected: Any) -> bool:
    if isinstance(expected, dict) and isinstance(found, dict):
        return found.keys() == expected.keys() and all(_same(found[name], expected[name]) for name in expected)
    if isinstance(expected, int | float) and isinstance(found, int | float):
        return math.isclose(found, expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(found == expected)


def report(ask_set: Callable[[str], Sequence[Scored]] = scored, names: Sequence[str] = SETS) -> dict[str, Any]:
    """Return how well each set was answered: counts, shares, and every question that was not answered right."""
    found: dict[str, Any] = {}
    for name in names:
        judged = ask_set(name)
        count = {verdict: sum(one.verdict == verdict for one in judged) for verdict in ("right", "asked_back", "wrong")}
        found[name] = {
            "questions": len(judged),
            **count,
            "right_share": count["right"] / len(judged),
            "wrong_share": count["wrong"] / len(judged),
            "missed": [
                {"id": one.expected.id, "question": one.expected.question, "verdict": one.verdict, "why": one.why,
                 "answer": one.reply.answer}
                for one in judged
                if one.verdict != "right"
            ],
        }  # fmt: skip
    return found
