"""Questions about history: several fields, devices and models on one time axis, from readings or from rollups.

    question.py    what can be asked                      choosing.py    which models, fields and devices are meant
    planning.py    readings or buckets, and how long      edges.py       where buckets begin
    reading.py     readings as arrays                     sources.py     what buckets are made of
    bucketing.py   adding parts up                        lines.py       the points of a series, silences marked
    thinning.py    fewer points                           statements.py  the same as SQL for people

A question that cannot be answered raises Unanswerable with the part of it that is wrong.
"""

from __future__ import annotations

from validation.history.answering import Answer, answer
from validation.history.lines import Line
from validation.history.question import HistoryQuery, Unanswerable

__all__ = ["Answer", "HistoryQuery", "Line", "Unanswerable", "answer"]
