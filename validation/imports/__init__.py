"""Read files of readings into the ring, as if their devices had sent them now; see docs/exports.md."""

from validation.imports.advancing import Importer
from validation.imports.opening import ENDINGS, FORMS
from validation.imports.reader import Refused
from validation.imports.runs import (
    TASK,
    TURNS,
    abandoned,
    begin,
    for_real,
    resume,
    stop,
    tidy,
    unfinished,
    upload,
)

__all__ = [
    "ENDINGS",
    "FORMS",
    "TASK",
    "TURNS",
    "Importer",
    "Refused",
    "abandoned",
    "begin",
    "for_real",
    "resume",
    "stop",
    "tidy",
    "unfinished",
    "upload",
]
