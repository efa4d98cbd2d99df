"""Conditions across fields, in CEL (Common Expression Language): compiled once, then asked of many readings.

What a condition may use is a list of what is harmless, not CEL without what is not: comparisons, arithmetic, logic,
`in`, and the functions below. Nothing in it loops, joins or parses texts, searches them with a pattern, or takes a type
that is known only at run time, and 500 characters bound the rest, so that an evaluation takes some 4 µs, and a few
milliseconds for the longest expression about the longest texts.

Numbers and integers can be compared with one another, as doubles; to calculate with both, `double(gear)`. An integer
written into an expression is taken for a number where it would not fit otherwise: `speed * 2 > limit`. Hours are UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from cel_expr_python import cel

MAX_CHARACTERS = 500
MAX_NAMES = 20  # fields of one expression
# How the values of each kind are typed; a point has no place in an expression.
TYPES = {
    "number": cel.Type.DOUBLE,
    "integer": cel.Type.INT,
    "boolean": cel.Type.BOOL,
    "text": cel.Type.STRING,
    "choice": cel.Type.STRING,
    "timestamp": cel.Type.TIMESTAMP,
}
Value = float | int | bool | str | datetime

# CEL's own names for types; a field of such a name cannot be told from them.
OWN_NAMES = {"bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"}
# What would make it unclear where a text in quotes ends, and what makes values of a type known only at run time.
FORBIDDEN = ("\\", "'''", '"""', "//", "{")
QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
# A name of a variable: not of a function, not of what stands after a dot, and not the r of r'text'.
NAME = re.compile(r"(?<![\w.])[a-z][a-z0-9_]*(?![\w'\"]|\s*\()", re.ASCII)
# Texts of devices are not to be parsed: `duration` takes its time over a long one.
PARSED = re.compile(r"\b(duration|timestamp)\s*\((?!\s*''\s*\))", re.ASCII)
WHOLE_NUMBER = re.compile(r"'[^']*'|\"[^\"]*\"|(?<![\w.])([0-9]+)(?![\w.])", re.ASCII)
COMPLAINT = re.compile(r"ERROR: <input>:-?\d+:(-?\d+): ([^\n]*)")
NO_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\(([^']*)\)'")
# What people call the types that they can have.
PEOPLES = {"double": "a number", "int": "an integer", "bool": "a boolean", "string": "a text"}
ALLOWED = """
stdlib:
  disable_macros: true
  include_functions:
    - {name: "_&&_"}
    - {name: "_||_"}
    - {name: "!_"}
    - {name: "_?_:_"}
    - {name: "@in"}
    - {name: "-_"}
    - {name: "_-_"}
    - {name: "_*_"}
    - {name: "_/_"}
    - {name: "_%_"}
    - name: "_+_"
      overloads:
        - {id: add_double}
        - {id: add_int64}
        - {id: add_duration_duration}
        - {id: add_duration_timestamp}
        - {id: add_timestamp_duration}
    - {name: double, overloads: [{id: int64_to_double}]}
    - {name: int, overloads: [{id: double_to_int64}]}
    - {name: duration, overloads: [{id: string_to_duration}]}
    - {name: timestamp, overloads: [{id: string_to_timestamp}]}
    - {name: size, overloads: [{id: size_string}]}
    - {name: startsWith}
    - {name: endsWith}
    - {name: getHours, overloads: [{id: timestamp_to_hours}]}
    - {name: getDayOfWeek, overloads: [{id: timestamp_to_day_of_week}]}
"""


class Expression:
    """A condition that can be asked of readings; `names` are the fields that it needs."""

    def __init__(self, text: str, kinds: Mapping[str, str]) -> None:
        """Compile a condition over fields of some kinds; raises ValueError with words for people when it is none."""
        if len(text) > MAX_CHARACTERS:
            raise ValueError(f"it has {len(text):,} characters, and {MAX_CHARACTERS} are allowed")
        forbidden = next((what for what in FORBIDDEN if what in text), None)
        if forbidden is not None:
            raise ValueError(f"it must not have {forbidden}")
        text.encode()
        bare = QUOTED.sub("''", text)
        parsed = PARSED.search(bare)
        if parsed is not None:
            raise ValueError(f"{parsed[1]}() takes a text in quotes, and nothing else")
        self.names = tuple(dict.fromkeys(name for name in NAME.findall(bare) if name in kinds.keys() - OWN_NAMES))
        if not 1 <= len(self.names) <= MAX_NAMES:
            raise ValueError(f"it names {len(self.names)} fields, and 1 to {MAX_NAMES} are allowed")
        point = next((name for name in self.names if kinds[name] not in TYPES), None)
        if point is not None:
            raise ValueError(f"{point!r} is a {kinds[point]}, which has no place in a condition")
        self._program = _compiled(text, tuple((name, kinds[name]) for name in self.names))

    def fault(self, values: dict[str, Value]) -> str | None:
        """Return None when the condition holds, else words that say what happened. Needs a value for each name."""
        verdict: Any = self._program.eval(data=values).value()
        if verdict is True:
            return None
        return "does not hold" if verdict is False else f"cannot be evaluated ({str(verdict)[:80]})"


@lru_cache(256)  # a model that is saved, published and used compiles its rules several times, at 1 ms each
def _compiled(text: str, kinds: tuple[tuple[str, str], ...]) -> cel.Expression:
    """Return a compiled expression; raises ValueError with words for people."""
    variables = {name: TYPES[kind] for name, kind in kinds}
    environment = cel.NewEnv(variables=variables, config=CONFIG, functions=COMPARISONS)
    try:
        program = environment.compile(text)
    except RuntimeError as error:
        try:
            program = environment.compile(WHOLE_NUMBER.sub(_as_number, text))
        except RuntimeError:
            raise ValueError(_words(str(error))) from error
    if program.return_type() != cel.Type.BOOL:
        raise ValueError(f"it gives {program.return_type().name()}, and not true or false")
    return program


def _as_number(found: re.Match[str]) -> str:
    return f"{found[0]}.0" if found[1] else found[0]


def _comparisons() -> Iterator[cel.FunctionDecl]:
    """Yield what can be compared: values of one type, and also integers with numbers, which CEL alone would refuse."""
    numbers = (cel.Type.DOUBLE, cel.Type.INT)
    others = (cel.Type.STRING, cel.Type.BOOL, cel.Type.TIMESTAMP, cel.Type.DURATION)
    pairs = [(one, other) for one in numbers for other in numbers] + [(kind, kind) for kind in others]
    for operator in ("_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_"):
        overloads = [
            cel.Overload(id=f"{operator}{number}", return_type=cel.Type.BOOL, parameters=list(pair), is_member=False)
            for number, pair in enumerate(pairs)
        ]
        yield cel.FunctionDecl(operator, overloads)


CONFIG = cel.NewEnvConfigFromYaml(ALLOWED)
COMPARISONS = list(_comparisons())


def _words(complaint: str) -> str:
    """Return what the compiler says first, in words for people and without the drawing of the place."""
    found = COMPLAINT.search(complaint)
    if found is None:
        return complaint.split("\n")[0][:200]
    words = found[2].replace(" (in container '')", "")
    unfit = NO_OVERLOAD.fullmatch(words)
    if unfit is not None:
        taken = " and ".join(PEOPLES.get(kind, kind) for kind in unfit[2].split(", "))
        words = f"{unfit[1].strip('_@')!r} cannot take {taken}"
    words = words.replace("undeclared reference to", "nothing here is called")[:200]
    return f"{words}, at character {found[1]}" if int(found[1]) > 0 else words
