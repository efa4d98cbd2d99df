"""Decide whether what a model wrote may be shown. Pure.

Every number and every time in it has to be one that a tool gave, rounded sensibly, in a sentence that names its unit or
what it is of, or one that the asker wrote in the same words. Names may hold digits. Whoever is in doubt here says no:
then the template answers.
"""

from __future__ import annotations

import re

from insights.language import reading
from insights.language.known import Known, Number, terms_of
from insights.language.reading import Written

LONGEST = 1_500  # characters; four sentences have some five hundred
ROUNDED = 0.05  # share of a number by which rounding may change it
EXACT_COUNT = 1_000  # counts below it are not rounded
LENGTHS = {
    "s": 1, "sec": 1, "second": 1, "seconds": 1, "min": 60, "minute": 60, "minutes": 60, "h": 3_600, "hr": 3_600,
    "hour": 3_600, "hours": 3_600, "d": 86_400, "day": 86_400, "days": 86_400, "week": 604_800, "weeks": 604_800,
}  # fmt: skip
# What turns into a link, a picture or a script somewhere, even though the pages show plain text.
MARKUP = re.compile(r"://|www\.|\]\(|!\[|<[a-z/!]|javascript:|\bdata:\S|mailto:|@|`", re.IGNORECASE)
HOST = re.compile(r"[^\W\d_]{2,}(?:\.[^\W\d_]{2,})+")
ACTED = re.compile(
    r"\b(?:I|we)(?:\s+have|['’]ve|\s+will|['’]ll)?\s+(?:now\s+|just\s+|already\s+)?(?:sen[dt]|delet|remov|chang|creat|updat|"
    r"turn|set|stop|start|restart|publish|switch|shut|open|disabl|enabl|grant|execut|issu|schedul)",
    re.IGNORECASE,
)
DIGIT = re.compile(r"\d")
RUN = 5  # words in a row out of somebody's text that make it a quotation


def fault(text: str, known: Known, question: str = "") -> str | None:
    """Return why a text must not be shown, as half a sentence; None when it may be."""
    shown = reading.normal(text)
    if not 3 <= len(shown) <= LONGEST:
        return "it wrote too little or too much"
    if any(not (sign.isprintable() or sign == "\n") for sign in shown):
        return "it wrote signs that cannot be seen"
    if MARKUP.search(shown) or any(host[0] not in known.names for host in HOST.finditer(shown)):
        return "it wrote markup or a link"
    if ACTED.search(shown):
        return "it claimed to have acted, which it cannot"
    if _quotes(shown, known):
        return "it repeated a text that a device or a stranger wrote"
    return _wrong_number(shown, known, reading.normal(question))


def _wrong_number(text: str, known: Known, question: str) -> str | None:
    bare, named = _without_names(text, known)
    found_days, bare = reading.days(bare)
    found_clocks, bare = reading.clocks(bare)
    for year, month, day in found_days:
        if not any((month, day) == one[1:] and year in (None, one[0]) for one in known.days):
            return "it wrote a day that is not in the data"
    for clock in found_clocks:
        if clock not in known.clocks:
            return f"it wrote a time that is not in the data ({clock})"
    if word := reading.vague(bare):
        return f"it wrote a number that cannot be checked ({word})"
    written = list(reading.numbers(bare))
    asked = _asked(question)
    given = [number for number in written if _is_given(number, known)]
    for number in written:
        if number not in given and not asked & _places(number):
            return f"it wrote a number that is not in the data ({number.text.strip()})"
    if not (given or found_days or found_clocks or named):
        return "it wrote nothing that rests on the data"
    return None


def _without_names(text: str, known: Known) -> tuple[str, bool]:
    """Return a text with the digits of names and units hidden, and whether any name was in it."""
    if not known.names | known.units:
        return text, False
    found: list[str] = []

    def hide(match: re.Match[str]) -> str:
        found.append(match[0])
        return _hidden(match[0])

    names = "|".join(re.escape(name) for name in sorted(known.names | known.units, key=len, reverse=True) if name)
    bare = re.sub(rf"(?<![^\W\d]|[.-])(?:{names})(?![\w-]|\.\w)", hide, text)
    return bare, not known.subjects.isdisjoint(found)


def _hidden(name: str) -> str:
    return DIGIT.sub("#", name)


def _places(number: Written) -> set[tuple[str, float, str]]:
    """Return the number with the word before and with the word after it."""
    around = {("before", number.value, number.before), ("after", number.value, number.after)}
    return {place for place in around if place[2]}


def _asked(question: str) -> set[tuple[str, float, str]]:
    return {place for number in reading.numbers(question) for place in _places(number)}


def _is_given(written: Written, known: Known) -> bool:
    """Tell whether a number is one that a tool gave, and its sentence says of what: by its unit, or by a word."""
    size = LENGTHS.get(written.after)
    if size is not None and any(_is_same(written, length / size) for length in known.lengths):
        return True
    share = 100 if written.after in ("%", "percent") else 1
    return any(
        _is_same(written, number.value, exact=number.is_count and abs(number.value) < EXACT_COUNT)
        or (share > 1 and abs(number.value) <= 1 and _is_same(written, share * number.value))
        for number in known.numbers
        if _is_said_of(written, number)
    )


def _is_said_of(written: Written, number: Number) -> bool:
    unit = _hidden(number.unit)
    if unit and written.rest.lstrip().startswith(unit):
        return True
    if len(unit) > 1 and unit in written.sentence:
        return True
    if number.unit in ("1", "%") and written.after in ("%", "percent"):
        return True
    return bool(number.terms & terms_of(written.sentence))


def _is_same(written: Written, value: float, *, exact: bool = False) -> bool:
    """Tell whether a number was written, rounded at most; "fell by 3" may stand for -3, "-3" not for 3."""
    meant = -value if written.is_signed else abs(value)
    off = abs(meant - written.value)
    return off == 0 or (not exact and off <= min(ROUNDED * abs(meant), written.step / 2 * (1 + 1e-9)))


def _quotes(text: str, known: Known) -> bool:
    words = text.casefold().split()
    runs = {tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)}
    for foreign in known.texts:
        other = reading.normal(foreign).casefold().split()
        if any(tuple(other[at : at + RUN]) in runs for at in range(len(other) - RUN + 1)):
            return True
    return False
