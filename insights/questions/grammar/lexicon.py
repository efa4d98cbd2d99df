"""Words that people use: for what fields measure, and to fill sentences with. Plain data. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Concept:
    """Something that a field measures: the nouns it goes by, and adjectives for much and little of it."""

    nouns: tuple[str, ...]
    much: tuple[str, ...] = ()
    little: tuple[str, ...] = ()


# The first noun names the concept; a field is of a concept when a noun of it is in the field's name or label.
CONCEPTS = (
    Concept(("speed", "velocity", "pace"), ("fast", "quick"), ("slow",)),
    Concept(("temperature", "temp", "warmth", "heat"), ("warm", "hot"), ("cold", "cool", "chilly")),
    Concept(("humidity", "moisture", "damp"), ("humid", "damp", "moist"), ("dry",)),
    Concept(("battery", "charge", "soc", "state of charge", "battery level", "charge level"), ("full",), ("empty",)),
    Concept(("pressure",)),
    Concept(("brightness", "light", "illuminance", "luminosity", "lux"), ("bright",), ("dark", "dim")),
    Concept(("noise", "loudness", "sound"), ("loud", "noisy"), ("quiet",)),
    Concept(("weight", "mass"), ("heavy",), ("light",)),
    Concept(("odometer", "mileage")),
    Concept(("heading", "course", "direction", "bearing")),
    Concept(("distance", "range")),
    Concept(("voltage", "volts")),
    Concept(("current", "amperage")),
    Concept(("power", "wattage")),
    Concept(("energy", "consumption")),
    Concept(("rain", "rainfall", "precipitation")),
    Concept(("wind", "wind speed"), ("windy",)),
    Concept(("co2", "carbon dioxide")),
    Concept(("altitude", "elevation", "height")),
    Concept(("flow", "flow rate")),
    Concept(("fuel", "fuel level")),
    Concept(("rpm", "revolutions")),
    Concept(("signal", "rssi", "signal strength")),
)
IRREGULAR = {"hot": "hott", "dim": "dimm", "dry": "dri", "empty": "empti", "heavy": "heavi", "chilly": "chilli",
             "windy": "windi", "noisy": "noisi"}  # fmt: skip


def _form(adjective: str, ending: str) -> str:
    return IRREGULAR.get(adjective, adjective.removesuffix("e")) + ending


@dataclass(frozen=True, slots=True)
class Adjective:
    """A form of an adjective: what it is about, and whether it says much of it."""

    concept: str
    is_much: bool


def _forms(ending: str) -> dict[str, Adjective]:
    return {
        (_form(word, ending) if ending else word): Adjective(concept.nouns[0], is_much)
        for concept in CONCEPTS
        for is_much, words in ((True, concept.much), (False, concept.little))
        for word in words
        if word not in concept.nouns and not (word == "light" and not is_much)
    }


PLAIN, COMPARATIVE, SUPERLATIVE = _forms(""), _forms("er"), _forms("est")
for _word in ("humid", "moist", "damp"):
    COMPARATIVE[f"more {_word}"] = SUPERLATIVE[f"most {_word}"] = PLAIN.get(_word) or Adjective("humidity", True)

HIGHEST = ("highest", "maximum", "maximal", "max", "peak", "top", "biggest", "largest", "greatest", "at most")
LOWEST = ("lowest", "minimum", "minimal", "min", "smallest", "least", "at least")
AVERAGE = ("on average", "average", "averaged", "avg", "mean", "typical", "typically")
SUM = ("sum", "total", "in total", "added up")
NOW = (
    "right now", "just now", "now", "currently", "current", "latest", "newest", "most recent", "at the moment",
    "at this moment", "presently", "last", "live",
)  # fmt: skip

# Words that never change what is asked. A word that might does not belong here.
_FILLING = """a an the is was were are be been being has have had having do does did of for in on at by to from
with and it its what how which who there that this these those me us i we you please tell show give get got go
went gone going come came can could would like know want see say said display find reach reached reaching hit
read report reported measured measure measures recorded send sent sends had value values reading readings level
levels our my so then drive drove run ran move fell fallen dropped rose become became happen happened occur take
took degrees degree during over within across among out between spend spent"""
FILLING = frozenset(_FILLING.split())
# Words that change what is asked in a way that no query can say: why a question with one of them is not run.
BEYOND = {
    "negation": (("not", "never", "no", "neither", "nor", "none", "without"), "I cannot answer negations"),
    "exception": (
        ("except", "excluding", "exclude", "ignoring", "apart", "besides", "unless"), "I cannot leave something out",
    ),
    "condition": (
        ("while", "whenever", "if", "whilst", "provided", "where"), "I cannot tie one measurement to another",
    ),
    "reason": (("why", "because", "cause", "caused", "reason", "explain"), "I can say what was measured, but not why"),
    "future": (
        ("will", "tomorrow", "forecast", "predict", "prediction", "expected", "next", "future", "shall"),
        "I answer about what was measured, not about what will be",
    ),
    "act": (
        ("delete", "remove", "insert", "update", "alter", "truncate", "create", "turn", "switch", "set",
         "stop", "start", "restart", "open", "close", "send_command", "reboot", "enable", "disable"),
        "I only read what is stored and change nothing",
    ),
    "statistic": (
        ("median", "deviation", "variance", "percentile", "quantile", "mode", "histogram", "rms", "integral",
         "derivative", "spread"),
        "I know average, minimum, maximum, sum and count, but not that",
    ),
    "order": (
        ("ignore", "instructions", "prompt", "password", "system", "pretend", "token", "secret"),
        "I answer questions about measurements and follow no other instructions",
    ),
}  # fmt: skip
_TIMES_AND_TASKS = """today yesterday tonight morning afternoon evening night noon midnight monday tuesday
wednesday thursday friday saturday sunday week month year hour minute second day since until between before
after ago ever past previous long often many much times when all every each any device devices sensors above
below more less than count number list rank compare trend correlation and first"""
KNOWN_WORDS = frozenset(
    {word for phrase in (*HIGHEST, *LOWEST, *AVERAGE, *SUM, *NOW) for word in phrase.split()}
    | FILLING
    | {noun for concept in CONCEPTS for noun in concept.nouns}
    | PLAIN.keys()
    | COMPARATIVE.keys()
    | SUPERLATIVE.keys()
    | {word for words, _ in BEYOND.values() for word in words}
    | set(_TIMES_AND_TASKS.split())
)
