"""Summaries: facts as a text for people, on demand and on schedule.

units.py      numbers and units for people (pure)   telling.py   numbers that are said, and a note of each (pure)
levels.py     sentences about one number (pure)     narration.py the whole text (pure)
service.py    gather and word                       storing.py   what is made on schedule
"""
