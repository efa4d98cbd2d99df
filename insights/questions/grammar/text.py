"""The question in a plain form: small letters, numbers as digits, devices as marks. Readers take what they understand.

A device that is named in full stands as `@0`, `@1`, …; what was taken leaves a boundary `|`, so that words which were
apart are never read together.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

from insights.questions.grammar.lexicon import KNOWN_WORDS
from insights.questions.grammar.numbers import with_digits
from insights.questions.query import MAX_CHARACTERS, AskBack
from insights.questions.vocabulary import Vocabulary, in_words

EDGES = "\"'“”‘’«»()[]{},;!?.:"
TOKEN = re.compile(
    r"""@\d+
    | \d{4}-\d{2}-\d{2}(?:t\d{2}:\d{2}(?::\d{2})?z?)?
    | \d{1,2}:\d{2}(?::\d{2})?
    | \d{1,2}\.\d{1,2}\.\d{4} | \d{1,2}/\d{1,2}(?:/\d{2,4})?
    | (?<![\w.])-?\d+(?:,\d{3})+(?:\.\d+)? | (?<![\w.])-\d+(?:\.\d+)? | \d+(?:\.\d+)?
    | °\ ?[cf]?(?![^\W\d_]) | %
    | [^\W\d_]+/[^\W\d_]+\d?
    | [^\W\d_][^\W_]*(?:_[^\W_]+)*
    | >=|<=|[^\s]""",
    re.VERBOSE,
)
SILENT = frozenset(",.?!:()\"'-–—…")  # punctuation that only separates
CONTRACTED = (
    (re.compile(r"\b(what|how|when|where|which|who|it|that|there)'s\b"), r"\1 is"),
    (re.compile(r"\bwon't\b"), "will not"),
    (re.compile(r"n't\b"), " not"),
    (re.compile(r"'(?:re|ve)\b"), " are"),
    (re.compile(r"'s\b|(?<=s)'(?=\s)"), " "),
)
QUOTED = re.compile(r"[\"“«]([^\"”»]{1,64})[\"”»]")


@dataclass
class Text:
    """What of a question nobody has understood yet, and the devices that are named in it."""

    original: str
    rest: str
    devices: list[str] = field(default_factory=list)

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Return the first match and take it out; None when there is none."""
        found = pattern.search(self.rest)
        if found:
            self.rest = f"{self.rest[: found.start()]}|{self.rest[found.end() :]}"
        return found

    def take_all(self, pattern: re.Pattern[str]) -> list[re.Match[str]]:
        """Return all matches and take them out."""
        found = list(pattern.finditer(self.rest))
        self.rest = pattern.sub("|", self.rest)
        return found

    def has(self, pattern: re.Pattern[str]) -> bool:
        """Tell whether there is a match."""
        return pattern.search(self.rest) is not None

    def words(self) -> list[str]:
        """Return the words that nobody took."""
        return [word for word in self.rest.replace("|", " ").split() if word != "|"]


def text_of(question: str, vocabulary: Vocabulary) -> Text:
    """Return a question in its plain form. Raises AskBack for what is empty, too long or no text."""
    if len(question) > MAX_CHARACTERS:
        sentence = f"That question has {len(question):,} characters. Please ask it in {MAX_CHARACTERS} at most."
        raise AskBack("too_long", sentence)
    plain = unicodedata.normalize("NFKC", question).replace("’", "'").replace("−", "-")
    if any(unicodedata.category(letter) in ("Cc", "Cs", "Co", "Cn") and letter not in "\t\r\n" for letter in plain):
        raise AskBack("no_text", "That question has characters in it that are no text.")
    text = Text(question, "")
    text.rest = _canonical(_marked(plain, vocabulary, text.devices))
    if not text.words():
        raise AskBack("empty", "Ask about devices, their fields and times.")
    return text


def _marked(plain: str, vocabulary: Vocabulary, found: list[str]) -> str:
    """Return a text in small letters in which devices are marks; their names go to `found`."""
    quoted = {name.casefold() for name in QUOTED.findall(plain)}
    words = []
    for chunk in plain.split():
        before, name, after = _device(chunk, vocabulary, quoted)
        if name is None:
            words.append(chunk.lower())
            continue
        if name not in found:
            found.append(name)
        words.append(f"{before.lower()} @{found.index(name)} {after.lower()}")
    return " ".join(words)


def _device(chunk: str, vocabulary: Vocabulary, quoted: set[str]) -> tuple[str, str | None, str]:
    """Return what stands before a device's name, the name, and what stands after; None when there is no device."""
    core = chunk.strip(EDGES)
    for name in (core, core.removesuffix("'s"), core.removesuffix("'")):
        small = name.casefold()
        same = vocabulary.by_small.get(small, [])
        if same and (small not in KNOWN_WORDS or small in quoted):
            before, _, after = chunk.partition(name)
            return before, _the_one(name, same), after.removeprefix("'s")
    return "", None, ""


def _the_one(written: str, same: list[str]) -> str:
    if written in same or len(same) == 1:
        return written if written in same else same[0]
    raise AskBack("which_device", f"Which device: {in_words(sorted(same))}?", written, tuple(sorted(same)[:8]))


def _canonical(marked: str) -> str:
    for pattern, plain in CONTRACTED:
        marked = pattern.sub(plain, marked)
    tokens = (found[0].replace("° ", "°") for found in TOKEN.finditer(with_digits(marked)))
    return " ".join("|" if token in SILENT else _number(token) for token in tokens)


def _number(token: str) -> str:
    return token.replace(",", "") if re.fullmatch(r"-?\d+(?:,\d{3})+(?:\.\d+)?", token) else token
