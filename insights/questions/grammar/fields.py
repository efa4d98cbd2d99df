"""Find the fields that a question is about: by name, by label, or by words that people use for what they measure. Pure.

A noun leaves the mark FIELD; an adjective PLAIN, COMPARATIVE or SUPERLATIVE, with + for much and - for little.
"""

from __future__ import annotations

import re

from insights.questions.grammar.lexicon import (
    COMPARATIVE,
    CONCEPTS,
    HIGHEST,
    LOWEST,
    NOW,
    PLAIN,
    SUPERLATIVE,
    Adjective,
    Concept,
)  # fmt: skip
from insights.questions.grammar.meanings import FieldNames, Meanings
from insights.questions.grammar.text import Text
from insights.questions.query import AskBack
from insights.questions.vocabulary import Vocabulary, in_words, parts_of

FORMS = (("SUPERLATIVE", SUPERLATIVE), ("COMPARATIVE", COMPARATIVE), ("PLAIN", PLAIN))
# Words that stand for a measure or the present first, and for a field only where a field is called so.
DOUBLE = frozenset((*HIGHEST, *LOWEST, *NOW, "time", "count", "first", "when", "sum", "mean", "average"))
BY_CONCEPT = {concept.nouns[0]: concept for concept in CONCEPTS}


def field_phrases(vocabulary: Vocabulary) -> dict[str, FieldNames]:
    """Return all words that name fields, with the fields that each may mean. A name goes before a usual word."""
    named: dict[str, list[str]] = {}
    usual: dict[str, list[str]] = {}
    for model, spec in vocabulary.models.items():
        for field in spec.fields:
            full = f"{model}.{field.name}"
            phrases = {field.name, field.name.replace("_", " "), _plain(field.label)} - {""} - DOUBLE
            for phrase in phrases:
                named.setdefault(phrase, []).append(full)
            for noun in (noun for concept in concepts_of(field.name, field.label) for noun in concept.nouns):
                usual.setdefault(noun, []).append(full)
    return {phrase: tuple(dict.fromkeys(names)) for phrase, names in {**usual, **named}.items()}


def concepts_of(name: str, label: str) -> list[Concept]:
    """Return what a field measures, by its name and label."""
    words = {*parts_of(name), *parts_of(label)}
    return [concept for concept in CONCEPTS if words & set(concept.nouns)]


def _plain(label: str) -> str:
    return " ".join(parts_of(label))


def take_fields(text: Text, vocabulary: Vocabulary, found: Meanings) -> None:
    """Take the nouns and adjectives that name fields. Raises AskBack for what nothing measures."""
    phrases = field_phrases(vocabulary)
    _take_nouns(text, phrases, found)
    for mark, forms in FORMS:
        for word in sorted(forms, key=len, reverse=True):
            pattern = re.compile(rf"(?<![^ |]){word}(?![^ |])")
            if pattern.search(text.rest):
                found.adjectives.append(_of_adjective(word, forms[word], phrases, vocabulary))
                text.rest = pattern.sub(mark + ("+" if forms[word].is_much else "-"), text.rest)
    _take_unmeasured(text, vocabulary)


def _take_nouns(text: Text, phrases: dict[str, FieldNames], found: Meanings) -> None:
    # Only phrases whose words are all there: models may have hundreds of thousands of fields together.
    there = {form for word in text.rest.split() for form in (word, word.removesuffix("s"), word.removesuffix("es"))}
    words = sorted((phrase for phrase in phrases if there.issuperset(phrase.split())), key=len, reverse=True)
    if not words:
        return
    pattern = re.compile(rf"(?<![^ |])(?:{'|'.join(re.escape(word) for word in words)})(?:s|es)?(?![^ |])")

    def mark(match: re.Match[str]) -> str:
        word = match[0]
        names = phrases.get(word) or phrases.get(word.removesuffix("s")) or phrases[word.removesuffix("es")]
        if names not in found.fields:
            found.fields.append(names)
            found.field_words.append(word)
        return "FIELD"

    text.rest = pattern.sub(mark, text.rest)


def _of_adjective(
    word: str, adjective: Adjective, phrases: dict[str, FieldNames], vocabulary: Vocabulary
) -> FieldNames:
    names = phrases.get(adjective.concept)
    if names is None:
        raise _nothing(word, adjective.concept, vocabulary)
    return names


def _take_unmeasured(text: Text, vocabulary: Vocabulary) -> None:
    """Refuse nouns for what could be measured and is not."""
    for concept in CONCEPTS:
        for noun in concept.nouns:
            if noun not in DOUBLE and re.search(rf"(?<![^ |]){noun}(?![^ |])", text.rest):
                raise _nothing(noun, noun, vocabulary)


def _nothing(word: str, about: str, vocabulary: Vocabulary) -> AskBack:
    known = in_words((f"{field.label or field.name} ({model})" for model, spec in vocabulary.models.items()
                      for field in spec.fields), 12)  # fmt: skip
    there_are = f" There are: {known}." if known else ""
    return AskBack("unknown_field", f"There is no field for {about}.{there_are}", word)
