"""Regular expressions that people write: found in time linear in the text, or refused before they are used.

The engine is that of jsonschema_rs without backtracking (Rust's regex), which explains faults as well, so that the
fast and the explaining judge cannot differ. Its time is bounded by the size of the compiled pattern times the length
of the text: at both bounds some 7 ms for the worst pattern known, 0.2 µs for an ordinary one.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import jsonschema_rs

# `(0|1)*1(0|1){500}x` fits, and so does `\w{500}`; ordinary patterns need a tenth.
MAX_COMPILED_BYTES = 131_072
MAX_TEXT_WITH_PATTERN = 1_000  # characters
BACKTRACKING = re.compile(r"\(\?<?[=!]|\\[1-9]|\\k<")
LINEAR = jsonschema_rs.RegexOptions(size_limit=MAX_COMPILED_BYTES, dfa_size_limit=MAX_COMPILED_BYTES)


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells whether a text contains a match; raises ValueError when the pattern cannot be used."""
    return jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=LINEAR).is_valid


def fault_of_pattern(pattern: str) -> str | None:
    """Return why a pattern cannot be used, as words after `it`; None when it can."""
    if _compiles(pattern, LINEAR):
        return None
    if BACKTRACKING.search(pattern):
        return "looks around or refers back to a group, which can take for ever"
    if _compiles(pattern, jsonschema_rs.RegexOptions()):
        return "is too big: fewer or smaller repetitions are needed"
    return "is no regular expression, or far too big"


def _compiles(pattern: str, options: jsonschema_rs.RegexOptions) -> bool:
    try:
        jsonschema_rs.Draft202012Validator({"pattern": pattern}, pattern_options=options)
    except ValueError:
        return False
    return True
