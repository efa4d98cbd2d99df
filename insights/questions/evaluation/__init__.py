"""How well questions are answered: a written set of them over a fixed data set, with the query and number expected.

tuned.json      questions that the grammar was written with
held_out.json   questions written before the grammar, and never tuned on
ground.py       the data set: readings by formulas, relative to one Wednesday afternoon
"""
