"""Faults, one after another, on a running stack, and after each of them the question whether anything is lost.

`python -m tests.chaos --help` says how to run it; docs/chaos.md what each fault does and what has to hold.
"""
