"""Tools that tell what readings come to: summaries, findings, forecasts, correlations, answers to questions."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from insights.correlation.service import correlation
from insights.facts.fact import Fact, window_until
from insights.facts.findings import noticed
from insights.facts.scope import subjects_of
from insights.forecasting.forecast import NOMINAL
from insights.forecasting.service import Outlook, outlook
from insights.questions.asking import ask
from insights.summaries.service import summary
from insights.tools import arguments
from insights.tools.stored import length_of
from insights.tools.tool import Result, Row, Tool
from insights.zones import here

MOST_FACTS = 150  # a summary of five models has some more; the text has what matters
MOST_STEPS = 48  # of a forecast that are told


def summarized(asked: arguments.Summary, now: datetime) -> Result:
    """Tell what happened."""
    length = length_of(asked.window, "window")
    found = summary(now=now, length=length, model=asked.model, device=asked.device, tag=asked.tag)
    facts = found.facts
    sql = "\n\n".join(dict.fromkeys(fact.sql for fact in facts[:MOST_FACTS]))
    return Result(text=found.text, facts=[told(fact) for fact in facts[:MOST_FACTS]], in_all=found.readings, sql=sql)


def told(fact: Fact) -> Row:
    """Return a fact as tools have it: without its statement, with its window."""
    return {
        "name": fact.name, "label": fact.label, "value": fact.value, "unit": fact.unit, "model": fact.model,
        "device": fact.device, "at": fact.at, "when": fact.when, "start": fact.window.start, "end": fact.window.end,
    }  # fmt: skip


def findings(asked: arguments.Findings, now: datetime) -> Result:
    """Tell what was noticed to be odd."""
    window = window_until(now, length_of(asked.window, "window"))
    (subject, *_) = subjects_of(asked.model, asked.device, asked.tag)
    is_of_all = asked.device is None and asked.tag is None
    found = noticed(asked.model, None if is_of_all else [sender.id for sender in subject.senders], window)
    rows: list[Row] = [
        {"device": one.device, "field": one.field, "start": one.start, "end": one.end, "sentence": one.sentence}
        for one in found[: arguments.MOST_ROWS]
    ]
    text = f"{len(found)} findings." if found else "Nothing odd was noticed."
    facts: list[Row] = [{"name": "findings", "value": len(found), "unit": "1"}]
    return Result(text=text, facts=facts, rows=rows, in_all=len(found), more={"start": window.start, "end": window.end})


def answered(asked: arguments.Ask, now: datetime) -> Result:
    """Answer a question by the grammar."""
    reply = ask(asked.question, now, here(), with_chart=False)
    found = reply.result
    return Result(
        text=reply.answer,
        facts=reply.facts,
        rows=list(found.rows) if found else [],
        in_all=found.in_all if found else 0,
        more={
            "outcome": reply.outcome,
            "suggestions": list(reply.suggestions),
            "query": msgspec.structs.asdict(reply.query) if reply.query else None,
        },
        sql="\n\n".join(found.sql) if found else "",
    )


def forecast(asked: arguments.Forecast, now: datetime) -> Result:
    """Tell what comes."""
    found = outlook(
        field=asked.field, device=asked.device, horizon=length_of(asked.horizon, "horizon"), now=now,
        limit=asked.limit, below=None if asked.side is None else asked.side == "below",
    )  # fmt: skip
    unit, last = found.field.unit, found.found
    facts: list[Row] = [
        {"name": "newest", "value": found.newest, "unit": unit},
        {"name": "expected at the end", "value": float(last.expected[-1]), "unit": unit},
        {"name": "low at the end", "value": float(last.low[-1]), "unit": unit},
        {"name": "high at the end", "value": float(last.high[-1]), "unit": unit},
        {"name": "nominal coverage", "value": NOMINAL, "unit": "1"},
        {"name": "coverage when it was tried", "value": last.coverage, "unit": "1"},
    ]
    return Result(
        text=found.sentence or f"{found.field.label or asked.field} of {found.device}, with a 90 % interval.",
        facts=facts,
        rows=_steps(found),
        in_all=len(last.expected),
        more={"limit": _reached(found)},
        sql=found.history.sql,
    )


def _steps(found: Outlook) -> list[Row]:
    each = max(1, -(-len(found.found.expected) // MOST_STEPS))
    return [
        {
            "time": found.start + place * found.step,
            "expected": float(found.found.expected[place]),
            "low": float(found.found.low[place]),
            "high": float(found.found.high[place]),
        }
        for place in range(0, len(found.found.expected), each)
    ]


def _reached(found: Outlook) -> dict[str, Any] | None:
    one = found.crossing
    if one is None:
        return None
    steps = {"earliest": one.earliest, "expected": one.expected, "latest": one.latest}
    times = {name: None if at is None else found.start + at * found.step for name, at in steps.items()}
    return {"limit": one.limit, "side": "below" if one.is_below else "above", "is_there": one.is_there, **times}


def correlated(asked: arguments.Correlation, now: datetime) -> Result:
    """Tell how two fields go together."""
    found = correlation(
        first=asked.first, second=asked.second, first_device=asked.first_device, second_device=asked.second_device,
        length=length_of(asked.window, "window"), differenced=None, now=now,
        max_lag=None if asked.max_lag is None else length_of(asked.max_lag, "max_lag"),
    )  # fmt: skip
    one = found.found
    lag: timedelta = one.lag * found.step
    facts: list[Row] = [
        {"name": "correlation", "value": one.r, "unit": "1"},
        {"name": "low", "value": one.low, "unit": "1"},
        {"name": "high", "value": one.high, "unit": "1"},
        {"name": "by chance", "value": one.by_chance, "unit": "1"},
        {"name": "lag", "value": lag.total_seconds(), "unit": "s"},
        {"name": "pairs", "value": one.pairs, "unit": "1"},
        {"name": "independent pairs", "value": one.worth, "unit": "1"},
    ]
    more = {"start": found.start, "end": found.end, "is_more_than_chance": one.is_more_than_chance}
    return Result(text=f"{found.sentence} {found.caution}", facts=facts, more=more, sql=found.sql)


NOTICED = (
    Tool("summary", "Tell what happened in a window that ends now, with facts.", arguments.Summary, summarized),
    Tool("findings", "Tell what was noticed to be odd in a window that ends now.", arguments.Findings, findings),
    Tool(
        "ask",
        "Answer a plain question about averages, extremes, counts, times above a limit, trends, ranks. Every word has "
        "to be understood; what is not is asked back, with suggestions that would be answered.",
        arguments.Ask,
        answered,
    ),
    Tool("forecast", "Forecast a field of a device with a 90 % interval.", arguments.Forecast, forecast),
    Tool("correlation", "Tell whether two fields go together, and which is ahead.", arguments.Correlation, correlated),
)
