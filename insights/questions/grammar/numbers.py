"""Numbers in words: ninety, twenty-five, a hundred and twenty, half an hour. Pure."""

from __future__ import annotations

import re

_ONES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen"""
_TENS = """twenty thirty forty fifty sixty seventy eighty ninety"""
ONES = {word: value for value, word in enumerate(_ONES.split())}
TENS = {word: value for value, word in enumerate(_TENS.split(), 2)}
BIG = {"hundred": 100, "thousand": 1_000}
WORD = "|".join([*ONES, *TENS, *BIG])
NUMBER = re.compile(rf"\b(?:a (?=hundred|thousand))?(?:{WORD})\b(?:[ -](?:and (?=(?:{WORD})\b))?(?:{WORD})\b)*")
# "one" beside these is no number: "which one".
PRONOUN = re.compile(r"\b(which|what|this|that|each|every|any) one\b")
HALF = re.compile(r"\bhalf (?:an|a) hour\b")
HOUR_AND_HALF = re.compile(r"\b(?:an|one|1) hour and a half\b")


def with_digits(text: str) -> str:
    """Return a text in small letters with its numbers as digits; what is no number in English is left as it is."""
    text = HALF.sub("30 minutes", HOUR_AND_HALF.sub("90 minutes", PRONOUN.sub(r"\1", text)))
    return NUMBER.sub(lambda found: _digits(found[0]), text)


def _digits(words: str) -> str:
    total, part, last = 0, 0, 0
    for word in re.split(r"[ -]+", words):
        if word in ("a", "and"):
            continue
        value = ONES.get(word, BIG.get(word, TENS.get(word, 0) * 10))
        if word in BIG:
            part = max(part, 1) * value
            if value == BIG["thousand"]:
                total, part = total + part, 0
        elif part % 100 and not (last in range(20, 100, 10) and value < 10):
            return words  # "five six" is two numbers, and nobody knows what they mean
        else:
            part += value
        last = value
    return str(total + part)
