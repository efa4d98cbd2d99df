"""Find the numbers and times in a text, as a person would read them. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|"
MONTH += r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
ISO_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})T?")
DAY_MONTH = re.compile(rf"\b(\d{{1,2}})(?:st|nd|rd|th)?\s+(?:of\s+)?({MONTH})\b\.?(?:,?\s+(\d{{4}}))?", re.IGNORECASE)
MONTH_DAY = re.compile(rf"\b({MONTH})\.?\s+(\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(\d{{4}}))?", re.IGNORECASE)
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)?\s?([ap])?(?:\.?m\b\.?)?(?:Z|[+-]00:?00)?", re.IGNORECASE)
NUMBER = re.compile(
    r"(?<![\d.])([-−–+]?)((?:\d{1,3}(?:[,\u2009\u202f\u00a0 ]\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|\.\d+)"
)
SENTENCES = re.compile(r"(?<=[.!?;])\s+|\n")
WORD = re.compile(r"[^\W\d_]+|%|°")
WORDS = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70,
    "eighty": 80, "ninety": 90,
}  # fmt: skip
# Numbers that nobody can look up in a list of facts: a text with them is not shown.
VAGUE = frozenset({
    "hundred", "hundreds", "thousand", "thousands", "million", "millions", "billion", "billions", "dozen", "dozens",
    "half", "twice", "thrice", "double", "doubled", "triple", "tripled", "quarter", "third",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Written:
    """A number in a text: its value, how many of its digits stand behind the point, what stands around it.

    `is_signed` says that it has a minus; `before` and `after` are words, `rest` and `sentence` texts.
    """

    text: str
    value: float
    decimals: int
    is_signed: bool
    before: str
    after: str
    rest: str
    sentence: str

    @property
    def step(self) -> float:
        """Return what it may have been rounded to: its last digit, or for 12,000 thousands."""
        if self.decimals:
            return 10.0**-self.decimals
        whole = f"{self.value:.0f}"
        return 10.0 ** (len(whole) - len(whole.rstrip("0")))


def normal(text: str) -> str:
    """Return a text with digits and signs in their usual form, whatever alphabet they came in."""
    return unicodedata.normalize("NFKC", text).replace("−", "-")


def days(text: str) -> tuple[list[tuple[int | None, int, int]], str]:
    """Return the days in a text as year (None: not named), month, day, and the text without them."""
    found: list[tuple[int | None, int, int]] = []

    def iso(match: re.Match[str]) -> str:
        found.append((int(match[1]), int(match[2]), int(match[3])))
        return " "

    def day_month(match: re.Match[str]) -> str:
        found.append((int(match[3]) if match[3] else None, _month(match[2]), int(match[1])))
        return " "

    def month_day(match: re.Match[str]) -> str:
        found.append((int(match[3]) if match[3] else None, _month(match[1]), int(match[2])))
        return " "

    return found, MONTH_DAY.sub(month_day, DAY_MONTH.sub(day_month, ISO_DAY.sub(iso, text)))


def clocks(text: str) -> tuple[list[str], str]:
    """Return the times of day in a text as 24 hours have them, and the text without them."""
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        hour = int(match[1])
        if match[4]:
            hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
        found.append(f"{hour:02}:{match[2]}" + (f":{match[3]}" if match[3] else ""))
        return " "

    return found, CLOCK.sub(take, text)


def numbers(text: str) -> Iterator[Written]:
    """Give the numbers in a text that is without days and times, also those written as one word."""
    for sentence in SENTENCES.split(text):
        for match in NUMBER.finditer(sentence):
            yield _written(sentence, match, re.sub(r"[^\d.eE+-]", "", match[2]))
        for match in WORD.finditer(sentence):
            if match[0].lower() in WORDS:
                yield _written(sentence, match, str(WORDS[match[0].lower()]))


def _written(sentence: str, match: re.Match[str], plain: str) -> Written:
    before, rest = sentence[: match.start()], sentence[match.end() :]
    return Written(
        text=match[0], value=float(plain), decimals=len(plain.partition(".")[2].lower().partition("e")[0]),
        is_signed=match[0].startswith("-") and not before.rstrip()[-1:].isdigit(),
        before=_last(before), after=_first(rest), rest=rest, sentence=sentence,
    )  # fmt: skip


def vague(text: str) -> str | None:
    """Return the first word of a text that is a number nobody can check; None where there is none."""
    return next((word[0] for word in WORD.finditer(text) if word[0].lower() in VAGUE), None)


def _month(word: str) -> int:
    return MONTHS.index(word[:3].lower()) + 1


def _last(text: str) -> str:
    found = WORD.findall(text[-40:])
    return found[-1].lower() if found else ""


def _first(text: str) -> str:
    match = WORD.search(text[:40])
    return match[0].lower() if match else ""
