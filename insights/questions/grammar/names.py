"""Find models, tags, and devices that are not written as they are named: "vehicle 3" for vehicle_03. Pure.

Each leaves a mark in capitals where it stood, so that later readers see what kind of thing it was: DEVICE, MODEL, TAG.
"""

from __future__ import annotations

import re

from insights.questions.grammar.lexicon import KNOWN_WORDS
from insights.questions.grammar.meanings import Meanings
from insights.questions.grammar.text import Text
from insights.questions.query import AskBack
from insights.questions.vocabulary import Parts, Vocabulary, in_words, parts_of

MOST_WORDS = 6  # of a device's name in a question
MOST_CHOICES = 8
GENERIC = re.compile(r"\b(?:devices?|things|machines?|senders?|sources?|everything)\b")
ALL = re.compile(r"\b(?:all|every|each|any)(?: of)?(?: the| our| my)?(?= (?:DEVICE|MODEL|TAG))|\beverywhere\b")
EACH = re.compile(
    r"\b(?:each|every|per)(?= (?:of )?(?:the |our |my )?(?:DEVICE|MODEL|TAG))|\bby (?=(?:DEVICE|MODEL)\b)"
)
ONE = re.compile(r"\b(?:the|a|this|that|my|our) (?:DEVICE|MODEL)\b(?! FIELD)")
TAGGED = re.compile(r"\b(?:with (?:the )?tags?|tagged(?: with| as)?|tags?|groups?)(?= TAG)|(?<=TAG) (?:tags?|group)\b")


def take_names(text: Text, vocabulary: Vocabulary, words: frozenset[str]) -> Meanings:
    """Return the devices, tags and models that a text names, and leave marks in their places.

    `words` are all that the grammar knows, so that a name that is also a word is not taken for a device.
    Raises AskBack where a name may mean several devices.
    """
    found = Meanings()
    _take_devices(text, vocabulary, found)
    _take_tags(text, vocabulary, found)
    _take_models(text, vocabulary, found)
    _take_parts(text, vocabulary, found, words)
    text.rest = GENERIC.sub(lambda match: "DEVICES" if match[0].endswith(("s", "g")) else "DEVICE", text.rest)
    text.rest = TAGGED.sub(" ", text.rest)
    found.is_each = EACH.search(text.rest) is not None
    found.is_one = not found.devices and ONE.search(text.rest) is not None
    text.rest = EACH.sub("", text.rest)
    if text.take_all(ALL) or found.is_each or "DEVICES" in text.rest or "MODELS" in text.rest:
        found.is_all = True
    _check_tags(found, vocabulary)
    return found


def _check_tags(found: Meanings, vocabulary: Vocabulary) -> None:
    """Ask back where tags do not simply say which devices are meant."""
    if len(found.tags) > 1:
        sentence = f"I can go by one tag at a time: {' or '.join(found.tags)}?"
        raise AskBack("which_device", sentence)
    strangers = [name for name in found.devices if not set(found.tags) <= set(vocabulary.devices[name].tags)]
    if strangers:
        raise AskBack("which_device", f"{strangers[0]} is not tagged {found.tags[0]}: which of both do you mean?")


def _take_devices(text: Text, vocabulary: Vocabulary, found: Meanings) -> None:
    text.rest = re.sub(r"@(\d+)", lambda match: _noted(found, text.devices[int(match[1])]), text.rest)
    tokens = text.rest.split()
    for size in range(MOST_WORDS, 1, -1):  # the longest names first
        place = 0
        while place + size <= len(tokens):
            words = tokens[place : place + size]
            names = vocabulary.by_parts.get(_parts(words), []) if _can_be_name(words) else []
            if names:
                tokens[place : place + size] = [_noted(found, _one_of(names, " ".join(words)))]
            place += 1
    text.rest = " ".join(tokens)


def _noted(found: Meanings, name: str) -> str:
    if name not in found.devices:
        found.devices.append(name)
    return "NAMED"


def _parts(words: list[str]) -> Parts:
    return tuple(part for word in words for part in parts_of(word))


def _can_be_name(words: list[str]) -> bool:
    return all(word[0].isalnum() and not word.isupper() for word in words) and not words[0][0].isdigit()


def _one_of(names: list[str], written: str) -> str:
    if len(names) == 1:
        return names[0]
    raise AskBack(
        "which_device", f"Which device do you mean by {written!r}: {in_words(names)}?", written,
        tuple(names[:MOST_CHOICES]),
    )  # fmt: skip


def _take_tags(text: Text, vocabulary: Vocabulary, found: Meanings) -> None:
    for tag in sorted(vocabulary.tags, key=len, reverse=True):
        plain = " ".join(parts_of(tag))
        written = {tag.casefold(), plain, tag.casefold().replace("-", " | "), tag.casefold().replace("-", " ")}
        for form in [form for form in written - KNOWN_WORDS if form and form in text.rest]:
            pattern = re.compile(rf"(?<![^ |]){re.escape(form)}(?![^ |])")
            if pattern.search(text.rest):
                text.rest = pattern.sub("TAG", text.rest)
                found.tags.append(tag)
                break


def _take_models(text: Text, vocabulary: Vocabulary, found: Meanings) -> None:
    fields = {field.name for spec in vocabulary.models.values() for field in spec.fields}
    for name in sorted(vocabulary.models, key=len, reverse=True):
        if name in fields or name in KNOWN_WORDS or name.partition("_")[0] not in text.rest:
            continue
        plain = re.escape(name.replace("_", " "))
        pattern = re.compile(rf"(?<![^ |])(?:{re.escape(name)}|{plain})(?P<many>e?s)?(?![^ |])")
        if pattern.search(text.rest):
            text.rest = pattern.sub(lambda match: "MODELS" if match["many"] else "MODEL", text.rest)
            found.models.append(name)


def _take_parts(text: Text, vocabulary: Vocabulary, found: Meanings, words: frozenset[str]) -> None:
    """Take devices by a part of their names that nothing else has, such as "store 2" of cold_store_2."""
    tokens = text.rest.split()
    for size in range(MOST_WORDS, 0, -1):
        place = 0
        while place + size <= len(tokens):
            part = tokens[place : place + size]
            if _can_be_name(part) and any(_is_unknown(word, words) for word in part):
                names = vocabulary.with_part(_parts(part))
                if names:
                    tokens[place : place + size] = [_noted(found, _one_of(names, " ".join(part)))]
            place += 1
    text.rest = " ".join(tokens)


def _is_unknown(word: str, words: frozenset[str]) -> bool:
    return word not in words and not word[0].isdigit() and word.isidentifier()
