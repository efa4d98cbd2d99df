"""Conditions on a value: "above 30 °C", "at least 70 %", "colder than -5". Pure."""

from __future__ import annotations

import re

from insights.questions.grammar.meanings import Limit
from insights.questions.grammar.text import Text
from insights.questions.grammar.units import PATTERN, code_of
from insights.questions.query import AskBack, Condition, Operator

MORE = r"(?:COMPARATIVE\+|more|greater|higher|bigger|larger|longer|further) than"
LESS = r"(?:COMPARATIVE-|less|lower|smaller|fewer|shorter) than"
AT_LEAST = r"at least|no less than|>="
AT_MOST = r"at most|no more than|<="
ABOVE = r"above|over|exceed(?:s|ed|ing)?|beyond|surpass(?:es|ed)?|>"
BELOW = r"below|under|beneath|<"
SIGNS: tuple[tuple[str, Operator], ...] = (
    (rf"not? {MORE}|{AT_MOST}", "<="), (AT_LEAST, ">="), (rf"{MORE}|{ABOVE}", ">"), (rf"{LESS}|{BELOW}", "<"),
)  # fmt: skip
_WORDS = """above over exceed exceeds exceeded exceeding beyond surpass surpasses surpassed below under beneath
more greater higher bigger larger longer further less lower smaller fewer shorter than least most up"""
WORDS = frozenset(_WORDS.split())
TIME_UNITS = (
    r"(?! ?(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|min|h|times|readings|NAMED|MODELS?|DEVICES?)\b)"
)
WRITTEN: dict[Operator, str] = {"<=": "at most", ">=": "at least", ">": "above", "<": "below"}
LIMIT = re.compile(
    rf"(?<![^ |])(?:{'|'.join(f'(?P<sign{place}>{words})' for place, (words, _) in enumerate(SIGNS))})"
    rf" (?P<value>-?\d+(?:\.\d+)?)(?: ?(?P<unit>{PATTERN})(?![^ |])|(?![^ |]){TIME_UNITS})"
)
BETWEEN = re.compile(rf"(?<![^ |])between -?\d+(?:\.\d+)? and -?\d+(?:\.\d+)? (?:{PATTERN})(?![^ |])")


def take_limit(text: Text) -> Limit | None:
    """Return the condition in a text and take it out; None when there is none. Raises AskBack for several."""
    if between := text.take(BETWEEN):
        sentence = "I can compare with one value only: ask for above the lower one, or below the upper one."
        raise AskBack("condition", sentence, between[0])
    found = text.take_all(LIMIT)
    if len(found) > 1:
        raise AskBack(
            "condition", f"I can compare with one value at a time: {' or '.join(_limit(one).words for one in found)}?"
        )
    return _limit(found[0]) if found else None


def _limit(found: re.Match[str]) -> Limit:
    sign = next(op for place, (_, op) in enumerate(SIGNS) if found[f"sign{place}"])
    unit = code_of(found["unit"]) if found["unit"] else None
    written = f"{WRITTEN[sign]} {found['value']} {found['unit'] or ''}".rstrip()
    return Limit(Condition(sign, float(found["value"])), unit, written)
