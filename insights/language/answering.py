"""An answer or a summary in the words of a language model, or else as it was, with a note that says why.

Nothing here raises for what the model, its server or the count of its calls do: the template answers then.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from redis.exceptions import RedisError

from dataflow.lib.language_model import LanguageModel
from insights.language import counting
from insights.language.checking import fault
from insights.language.known import known_from
from insights.language.prompts import PLANNER
from insights.language.server import ServerFailed
from insights.language.talking import Called, GaveUp, plan, reword
from insights.summaries.service import Summary
from insights.tools.calling import Asker
from insights.tools.noticed import told
from insights.tools.plain import plain
from insights.zones import here

log = logging.getLogger(__name__)
ENGINE = "language_model"
NONE_CONFIGURED = "No language model is configured (LLM_URL)."
MOST_ROWS = 100


class User(Asker, Protocol):
    """Who asks: permissions, and the number that calls are counted by."""

    @property
    def pk(self) -> Any:
        """Return the number."""
        ...


class _NotShown(Exception):
    """What the model wrote must not be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Worded:
    """Words for an answer, or none and why; `note` is a sentence for people."""

    words: str | None
    note: str = ""


def configured() -> LanguageModel | None:
    """Return the language model of the settings, or None."""
    found: LanguageModel | None = settings.LANGUAGE_MODEL
    return found


def answer(user: User, question: str, reply: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a reply as the API has it, in the model's words, with the tools it used as the query.

    `reply` is what the grammar made of the question, and what stays when the model has no answer that may be shown.
    Blocks for some 55 seconds at most; raises what the database raises.
    """
    server = configured()
    if server is None:
        return reply | {"note": NONE_CONFIGURED}
    called: list[Called] = []

    def words() -> str:
        text, used = plan(server, user, int(user.pk), question, now)
        called.extend(used)
        known = known_from((one.result.told() for one in used), here())
        known.texts.append(PLANNER)
        if wrong := fault(text, known, question):
            raise _NotShown(wrong)
        return text.strip()

    found = _tried(user, words)
    if found.words is None:
        return reply | {"note": found.note}
    return _reply(found.words, called)


def summarized(user: User, found: Summary, now: datetime) -> tuple[str, str, str]:
    """Return a summary's text, its engine and a note: in the model's words where they hold, else as it was."""
    server = configured()
    if server is None:
        return found.text, found.engine, NONE_CONFIGURED
    facts = {"facts": [told(fact) for fact in found.facts], "text": found.text}

    def words() -> str:
        text = reword(server, user, int(user.pk), facts, now)
        if wrong := fault(text, known_from([facts], here())):
            raise _NotShown(wrong)
        return text.strip()

    worded = _tried(user, words)
    return (worded.words, ENGINE, "") if worded.words is not None else (found.text, found.engine, worded.note)


def _tried(user: User, words: Callable[[], str]) -> Worded:
    """Return what the model writes, or why there is nothing to show; one of a user at a time."""
    try:
        if not counting.begin(int(user.pk)):
            return Worded(None, "The language model was not used: your last question is still with it.")
        try:
            outcome, worded = _outcome(words)
        finally:
            counting.end(int(user.pk))
        counting.count_answer(outcome)
        return worded
    except RedisError as error:
        log.warning("The language model is not used, because its calls cannot be counted: %s", error)
        return Worded(None, "The language model was not used: its calls cannot be counted just now.")


def _outcome(words: Callable[[], str]) -> tuple[str, Worded]:
    try:
        return "shown", Worded(words())
    except _NotShown as error:
        return "unchecked", Worded(None, f"The language model's answer is not shown: {error}.")
    except GaveUp as error:
        return error.code, Worded(None, f"The language model was not used: {error}.")
    except ServerFailed as error:
        log.warning("The language model failed: %s", error)
        return "failed", Worded(None, "The language model was not used: its server gave no answer.")


def _reply(words: str, called: list[Called]) -> dict[str, Any]:
    """Return the model's words with all that they rest on."""
    rows = [row for one in called for row in one.result.rows]
    in_all = sum(len(one.result.rows) if one.result.in_all is None else one.result.in_all for one in called)
    facts = [fact for one in called for fact in one.result.facts if isinstance(fact.get("value"), int | float)]
    return {
        "answer": words,
        "outcome": "answer",
        "code": "",
        "query": {
            "typed": {"tools": [{"name": one.name, "arguments": one.arguments} for one in called]},
            "sql": "\n\n".join(one.result.sql for one in called if one.result.sql),
        },
        "rows": plain(rows[:MOST_ROWS]),
        "rows_in_all": in_all,
        "facts": [{name: plain(fact[name]) for name in ("name", "value", "unit")} for fact in facts],
        "chart": None,
        "suggestions": [],
        "engine": ENGINE,
        "note": "",
    }
