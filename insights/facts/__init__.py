"""Facts: typed, read-only questions to the database that answer with numbers, each with the SQL that gives it.

fact.py       a fact, a window (pure)                 gathering.py  all facts of a model: start reading here
scope.py      which models and devices are meant      source.py     which tables answer for which time
tally.py      one statement for all fields            numbers.py    level, range, shape, the period before
shape.py      rises, falls, differs for a part (pure) choices.py    how often each value came
silences.py   for how long nothing came               quality.py    refused, repeated, late
findings.py   what was noticed                        times.py      moments in words (pure)
"""
