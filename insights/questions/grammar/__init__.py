"""From text to a typed query, by a grammar that has to account for every word. Pure.

    text.py       the question in a plain form, of which readers take what they understand
    numbers.py    numbers in words                       lexicon.py     words for fields, measures and filling
    names.py      devices, tags and models               fields.py      fields, by name or by usual words
    limits.py     "above 30 °C", with units.py           calendar.py    days and parts of days
    times.py      phrases of time                        combining.py   phrases of time put together
    features.py   what the rest of the words asks for    deciding.py    the kind of the question, out of ground.py
    reading.py    all of it in order; what is left over makes the question doubtful

A word that nobody took might change the meaning, so it makes the grammar ask back (AskBack) and never guess.
"""

from __future__ import annotations

from insights.questions.grammar.reading import read_question

__all__ = ["read_question"]
