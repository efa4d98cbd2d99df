"""Decide of what kind a value is, and how sure it is that the next reading has one.

How sure: Laplace's rule of succession. Of a value that stood in s of n readings the next reading has one with the
probability (s + 1) / (n + 2), when nothing else is known of it.
(P. S. de Laplace, Essai philosophique sur les probabilités, 1814.)

Which texts there are: the estimate of Good and Turing. The next text is a new one with a probability of about the
number of texts that were seen once, divided by the number of all that were seen.
(I. J. Good, The population frequencies of species, Biometrika 40, 1953.)
"""

from __future__ import annotations

from dataclasses import dataclass

from validation.propose.families.family import Hint
from validation.propose.quantities import Measure, measure
from validation.propose.times import is_time, unit_of
from validation.propose.traffic import Place
from validation.propose.words import words_of
from validation.spec import MAX_TEXT, Kind

REQUIRED = 0.95  # how sure it must be that the next reading has a value; 18 readings that all have one
NEW_TEXT = 0.02  # how probable a further text may be among choices
MANY = 18  # values after which what was not seen is unlikely enough
MAX_CHOICES, LONGEST_CHOICE = 12, 40
OFTEN = 4  # times that a choice must have been seen on average
# Pairs of which one tells the other.
PAIRS = (
    ("ON", "OFF"), ("on", "off"), ("On", "Off"), ("open", "closed"), ("OPEN", "CLOSED"), ("online", "offline"),
    ("true", "false"), ("yes", "no"), ("locked", "unlocked"), ("LOCK", "UNLOCK"), ("enabled", "disabled"),
)  # fmt: skip
# Words of texts that say who or which, and so are no choices however few were seen.
NAMES_TEXT = """
    id name version firmware fw hw ssid bssid mac ip host hostname serial model vendor manufacturer url uuid eui addr
    address token key user description desc note text message comment label title tid source src file hash data uptime
    downtime
"""
NAMES = frozenset(NAMES_TEXT.split())


@dataclass(frozen=True, slots=True)
class Decision:
    """What a value is, and the words for why."""

    kind: Kind
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    why: str = ""
    ending: int = 0  # words at the end of the name that only say the unit


def sure(seen: int, of: int) -> float:
    """Return how sure it is that the next reading has a value which `seen` of `of` readings had."""
    return (seen + 1) / (of + 2)


def decide(place: Place, hint: Hint | None = None) -> Decision:
    """Return what the values at a place are; what the documentation of a family says goes before what names say."""
    if place.kinds["bool"] == place.seen:
        return Decision("boolean", why="true or false")
    if is_time(place):
        return Decision("timestamp", unit=unit_of(place) or "", why="a time, as it is written and named")
    if place.is_number():
        return _number(place, hint)
    if place.is_text():
        return _text(place, hint)
    kinds = ", ".join(sorted(kind for kind, count in place.kinds.items() if count))
    return Decision("text", why=f"of several kinds ({kinds}); only texts pass")


def _number(place: Place, hint: Hint | None) -> Decision:
    told = measure(place.path, place)
    if hint is not None and (hint.unit is not None or hint.kind in ("number", "integer")):
        low, high = _fitting(place, hint.minimum, hint.maximum)
        unit = hint.unit if hint.unit is not None else told.unit
        told = Measure(unit, low, high, hint.kind == "integer", "as documented")
    whole, said = _is_counted(place, told)
    why = "; ".join(part for part in (told.why, said) if part)
    return Decision(
        "integer" if whole else "number", told.unit, told.minimum, told.maximum, why=why, ending=told.ending
    )


def _fitting(place: Place, low: float | None, high: float | None) -> tuple[float | None, float | None]:
    """Return the limits that everything which was seen keeps to."""
    below = low is not None and place.low is not None and place.low < low
    above = high is not None and place.high is not None and place.high > high
    return None if below else low, None if above else high


def _is_counted(place: Place, told: Measure) -> tuple[bool, str]:
    """Say whether a number is an integer. A measured quantity is none, even where only whole numbers were seen."""
    if not place.is_whole():
        return False, "numbers with a fraction"
    if told.whole is not None:
        return told.whole, "counted" if told.whole else "measured, so a fraction may come"
    if told.unit:
        return False, "measured, so a fraction may come"
    if place.seen >= MANY:
        return True, f"whole numbers only, {place.seen} times"
    return False, f"whole numbers only, but {place.seen} are too few to count on it"


def _text(place: Place, hint: Hint | None) -> Decision:
    if hint is not None and hint.choices and set(place.texts) <= set(hint.choices) and not place.other_texts:
        return Decision("choice", choices=hint.choices, why="as documented")
    if hint is None or hint.kind != "text":
        choices, why = _choices(place)
        if choices:
            return Decision("choice", choices=choices, why=why)
    longest = MAX_TEXT if place.longest <= MAX_TEXT else min(10 * MAX_TEXT, 2 * place.longest)
    why = "a number that is written as a text" if all(map(_is_number, place.texts)) else "a text"
    return Decision("text", max_length=None if longest == MAX_TEXT else longest, why=why)


def _choices(place: Place) -> tuple[tuple[str, ...], str]:
    texts = set(place.texts)
    pair = next((pair for pair in PAIRS if texts <= set(pair)), None)
    if pair is not None:
        return pair, f"{pair[0]} or {pair[1]}"
    words = words_of(place.key)
    if NAMES & set(words) or any("," in text or not text.strip() or text != text.strip() for text in texts):
        return (), ""
    few = 2 <= len(texts) <= MAX_CHOICES and max(map(len, texts)) <= LONGEST_CHOICE and not place.other_texts
    if not few or place.seen < MANY or place.seen < OFTEN * len(texts) or all(map(_is_number, texts)):
        return (), ""
    once = sum(count == 1 for count in place.texts.values())
    if once / place.seen > NEW_TEXT:
        return (), ""
    ordered = tuple(text for text, _ in place.texts.most_common())
    return ordered, f"{len(texts)} different texts in {place.seen}, each more than once"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
