"""What may be asked of the agent, as typed tools that only read: for the language model and for the MCP server alike.

    tool.py       what a tool is, what it gives, how it refuses    arguments.py  what each of them takes
    plain.py      results as JSON, bounded
    stored.py     what there is: models, devices, newest values, series
    noticed.py    what it comes to: summaries, findings, forecasts, correlations, answers
    calling.py    the one way to call one: permission, arguments, a transaction that cannot write, size

There is no other tool. None writes, sends or commands anything, and none takes SQL.
"""

from __future__ import annotations

from insights.tools.calling import TOOLS, call
from insights.tools.tool import Refused, Result, Tool

__all__ = ["TOOLS", "Refused", "Result", "Tool", "call"]
