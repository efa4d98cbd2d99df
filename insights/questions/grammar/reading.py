"""Read a question: who and what is named, from when to when, and what is asked; nothing may be left over. Pure."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from insights.questions.grammar import features, limits
from insights.questions.grammar.combining import times_of
from insights.questions.grammar.deciding import Decision
from insights.questions.grammar.fields import field_phrases, take_fields
from insights.questions.grammar.lexicon import BEYOND, FILLING, KNOWN_WORDS
from insights.questions.grammar.names import take_names
from insights.questions.grammar.spelling import nearest
from insights.questions.grammar.text import Text, text_of
from insights.questions.grammar.times import TimeReader
from insights.questions.grammar.units import WORDS as UNIT_WORDS
from insights.questions.query import AskBack, Query
from insights.questions.vocabulary import Vocabulary, in_words

MARKS = frozenset(("NAMED", "DEVICE", "DEVICES", "MODEL", "MODELS", "TAG", "FIELD"))
_CALENDAR = """mon tue tues wed thu thur thurs fri jan feb mar apr jun jul aug sep sept oct nov dec january
february march april may june july august september october november december monday tuesday wednesday thursday
friday saturday sunday am pm oclock midday weekend weeks months years hours minutes seconds days all ever so far
recent th st nd rd till through utc"""
CALENDAR = frozenset(_CALENDAR.split())
GRAMMAR = KNOWN_WORDS | features.WORDS | limits.WORDS | CALENDAR | frozenset(
    word for words in UNIT_WORDS.values() for word in re.findall(r"[a-z]{2,}", words)
)  # fmt: skip
IN_UTC = re.compile(r"\b(?:in )?utc(?: time)?\b")
OWN_CLOCK = re.compile(r"\bo ?\| ?clock\b")


def read_question(question: str, vocabulary: Vocabulary, now: datetime, zone: str = "UTC") -> Query:
    """Return the query that a question means; raise AskBack, with what is in doubt, unless it is clear.

    `now` is an instant with a zone; days begin at midnight in `zone` (IANA). Time and memory are bounded by
    MAX_CHARACTERS and the size of the vocabulary.
    """
    text = text_of(question, vocabulary)
    text.rest = OWN_CLOCK.sub("oclock", text.rest)
    if text.take(IN_UTC):
        zone = "UTC"
    phrases = frozenset(word for phrase in field_phrases(vocabulary) for word in phrase.split())
    found = take_names(text, vocabulary, GRAMMAR | phrases)
    take_fields(text, vocabulary, found)
    found.limit = limits.take_limit(text)
    _check_beyond(text)
    place = ZoneInfo(zone)
    reader = TimeReader(now.astimezone(place), place)
    spoken, text.rest = reader.phrases(text.rest)
    asked = features.take_features(text)
    _check_rest(text, vocabulary, phrases)
    found.times = times_of(spoken, reader)
    return Decision(found, asked, vocabulary, now, zone).query()


def _check_beyond(text: Text) -> None:
    """Refuse what no query can say, with the reason."""
    there = set(text.words())
    for code, (words, sentence) in BEYOND.items():
        said = [word for word in words if word in there]
        if said:
            raise AskBack(code, f"{sentence} ({said[0]!r}).", said[0])


def _check_rest(text: Text, vocabulary: Vocabulary, phrases: frozenset[str]) -> None:
    """Ask about the first words that nobody understood: each might change what is meant."""
    left = [word for word in text.words() if word not in FILLING and word not in MARKS]
    if not left:
        return
    vague = [word for word in left if word.rstrip("+-") in ("PLAIN", "COMPARATIVE", "SUPERLATIVE")]
    strange = [word for word in left if word not in vague]
    if not strange:
        raise AskBack("unclear", "That depends on what counts as much. Ask for a number: average, highest, above what?")
    raise _unknown(strange, vocabulary, phrases)


def _unknown(words: list[str], vocabulary: Vocabulary, phrases: frozenset[str]) -> AskBack:
    word = words[0]
    if word in GRAMMAR:
        return AskBack(
            "unknown_word", f"I do not understand what {in_words(map(_shown, words[:4]))} means there.", word
        )
    names = list(vocabulary.devices)
    close = nearest(word, [*names, *vocabulary.models, *sorted(phrases), *sorted(vocabulary.tags)])
    close = close or nearest(word, sorted(GRAMMAR), 1)
    if close:
        sentence = f"I do not know {_shown(word)}. Did you mean {' or '.join(close)}?"
        return AskBack("did_you_mean", sentence, word, tuple(close))
    known = f" Devices are: {in_words(sorted(names))}." if names and not word.isalpha() else ""
    return AskBack("unknown_word", f"I do not understand {in_words(map(_shown, words[:4]))}.{known}", word)


def _shown(word: str) -> str:
    return f"“{word[:40]}”"
