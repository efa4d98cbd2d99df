"""The loop: the model calls tools as the asker would, until it has words for an answer, or until a bound is reached.

GaveUp   it came to no answer within the bounds: a code of counting.ANSWERS, and half a sentence that says why
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from django.db import connection

from dataflow.lib.language_model import LanguageModel
from insights.language import counting, prompts
from insights.language.server import Message, Said, ServerFailed, ToolCall, complete
from insights.tools import TOOLS, Refused, Result, call
from insights.tools.calling import Asker
from insights.tools.plain import cut
from insights.zones import here

MOST_STEPS = 6  # times that the model speaks
MOST_CALLS = 12  # of tools, over all steps
MOST_SECONDS = 45.0  # from the question to the answer
MOST_SENT = 96 * 1024  # bytes of a conversation, data included: some 24,000 tokens
MOST_TOKENS = 120_000  # that the server may say it has used
MOST_ARGUMENTS = 4_000  # characters of the arguments of a call
LONGEST_ID = 64


class GaveUp(Exception):
    """No answer came of it."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True, slots=True)
class Called:
    """A tool that was called, with what, and what it gave."""

    name: str
    arguments: Any
    result: Result


@dataclass
class Talk:
    """A conversation: who asks, what has been said, what tools gave, and what is left of time."""

    server: LanguageModel
    user: Asker
    number: int
    now: datetime
    messages: list[Message]
    mark: str
    until: float = field(default_factory=lambda: time.monotonic() + MOST_SECONDS)
    called: list[Called] = field(default_factory=list)
    calls: int = 0
    tokens: int = 0

    def speak(self, tools: list[dict[str, Any]]) -> Said:
        """Return what the model says next. Blocks; raises GaveUp, ServerFailed."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise GaveUp("gave_up", "it took too long")
        if len(orjson.dumps(self.messages)) > MOST_SENT or self.tokens > MOST_TOKENS:
            raise GaveUp("gave_up", "it wanted to read too much")
        if not counting.take(self.number, self.now):
            raise GaveUp("limited", f"your {counting.CALLS_A_DAY} calls of today are used up")
        if not connection.in_atomic_block:
            connection.close()  # nobody else has to wait for it while the model thinks
        began, tokens, outcome = time.monotonic(), 0, "failed"
        try:
            found = complete(self.server, self.messages, tools, left)
            tokens = max(0, found.usage.total_tokens or 0) if found.usage else 0
            outcome = "answered"
        finally:
            counting.count_call(outcome, time.monotonic() - began, tokens)
        self.tokens += tokens
        return found.choices[0].message


def plan(server: LanguageModel, user: Asker, number: int, question: str, now: datetime) -> tuple[str, list[Called]]:
    """Return the model's words to a question, unchecked, and the tools that they rest on.

    `number` is the user's, for counting. Blocks for MOST_SECONDS and the last tool at most. Raises GaveUp and
    ServerFailed.
    """
    talk = _begun(server, user, number, prompts.PLANNER, now)
    talk.messages.append({"role": "user", "content": question})
    tools = prompts.described(TOOLS)
    for _ in range(MOST_STEPS):
        said = talk.speak(tools)
        if not said.tool_calls:
            return said.content or "", talk.called
        _call(talk, said.tool_calls)
    raise GaveUp("gave_up", f"it had no answer after {MOST_STEPS} steps")


def reword(server: LanguageModel, user: Asker, number: int, facts: dict[str, Any], now: datetime) -> str:
    """Return facts in the model's words, unchecked; it has no tools. Blocks; raises GaveUp, ServerFailed."""
    talk = _begun(server, user, number, prompts.NARRATOR, now)
    talk.messages.append({"role": "user", "content": prompts.marked(prompts.fitting(facts), talk.mark)})
    return talk.speak([]).content or ""


def _begun(server: LanguageModel, user: Asker, number: int, text: str, now: datetime) -> Talk:
    mark = secrets.token_hex(8)
    told = prompts.instructions(text, mark, now.isoformat(timespec="minutes"), here())
    return Talk(server, user, number, now, [{"role": "system", "content": told}], mark)


def _call(talk: Talk, wanted: list[ToolCall]) -> None:
    """Run what the model wants, as the asker, and tell it what came of it."""
    if talk.calls + len(wanted) > MOST_CALLS:
        raise GaveUp("gave_up", f"it wanted more than {MOST_CALLS} tools")
    talk.calls += len(wanted)
    echoed, answers = [], []
    for place, one in enumerate(wanted):
        number = cut(one.id, LONGEST_ID) or f"call_{talk.calls}_{place}"
        name, given = cut(one.function.name, LONGEST_ID), _arguments(one)
        function = {"name": name, "arguments": orjson.dumps(given).decode()}
        echoed.append({"id": number, "type": "function", "function": function})
        answers.append({"role": "tool", "tool_call_id": number, "content": _answer(talk, name, given)})
        if time.monotonic() > talk.until:
            raise GaveUp("gave_up", "it took too long")
    talk.messages += [{"role": "assistant", "content": None, "tool_calls": echoed}, *answers]


def _arguments(one: ToolCall) -> Any:
    """Return the arguments of a call as JSON has them; a text that is no JSON stays one, and the tool refuses it."""
    given = one.function.arguments
    if isinstance(given, dict):
        return given
    try:
        return orjson.loads(given[:MOST_ARGUMENTS] or "{}")
    except orjson.JSONDecodeError:
        return cut(given, MOST_ARGUMENTS)


def _answer(talk: Talk, name: str, given: Any) -> str:
    try:
        result = call(talk.user, name, given, talk.now)
    except Refused as refusal:
        return prompts.marked({"error": refusal.code, "detail": str(refusal)}, talk.mark)
    talk.called.append(Called(name, given, result))
    return prompts.marked(prompts.fitting(result.told()), talk.mark)


__all__ = ["Called", "GaveUp", "ServerFailed", "plan", "reword"]
