"""How the pages say times, counts, shares, and names in sentences. Everything that is given is escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.template.defaultfilters import capfirst
from django.utils import timezone
from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from validation.moments import moment

register = template.Library()

NAMED = re.compile(r"`([^`]+)`")
STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))  # seconds, and what they are called
# Of the little picture of a trend, in CSS pixels: one bar an hour.
BAR, GAP, HEIGHT = 3, 1, 22
EXACT = 2**53  # beyond it a double cannot tell neighbouring integers apart
LONG = 300  # characters of a value that stand in a cell
BIN = 8  # bytes in a line of a hex dump: as many as a narrow column takes


@register.filter
def named(sentence: object) -> SafeString:
    """Return a sentence with the names that stand in it between backticks marked up as code."""
    return mark_safe(NAMED.sub(r"<code>\1</code>", conditional_escape(str(sentence))))  # noqa: S308  (escaped before)


@register.filter
def sentence(words: object) -> SafeString:
    """Return words as a sentence: with a capital letter and a full stop, names marked up as code."""
    text = capfirst(str(words)).strip()
    return named(text if text.endswith((".", "!", "?", ":")) else f"{text}.")


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """Return how long ago something was, with the exact time on hover."""
    if moment is None:
        return "never"
    seconds = (timezone.now() - moment).total_seconds()
    words = f"{_span(abs(seconds))} ago" if seconds >= 1 else "just now" if seconds > -1 else f"in {_span(-seconds)}"
    exact = moment.astimezone(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', exact.isoformat(), f"{exact:%Y-%m-%d %H:%M:%S %Z}", words
    )


def _span(seconds: float) -> str:
    for step, unit in STEPS:
        if seconds >= step:
            return f"{seconds / step:,.0f} {unit}"
    return f"{seconds:.0f} s"


@register.filter
def counted(number: float | None, noun: str = "") -> str:
    """Return a count with separators, and the noun in the right number: `5|counted:"record"` is "5 records"."""
    if number is None:
        return "–"
    text = f"{number:,.0f}" if number == int(number) else f"{number:,.1f}"
    return f"{text} {noun}{'' if number == 1 else 's'}".strip() if noun else text


@register.filter
def minute_text(minute: int) -> str:
    """Return a minute since 1970 as people write it."""
    return f"{moment(minute * 60_000_000):%Y-%m-%d %H:%M} UTC"


@register.filter
def percent(share: float | None) -> str:
    """Return a share as per cent; never 100 or 0 of what is only nearly so."""
    if share is None:
        return "–"
    if 0 < share < 0.001 or 0.999 < share < 1:
        return "< 0.1 %" if share < 0.5 else "> 99.9 %"
    return f"{share:.1%}".replace(".0%", "%").replace("%", " %")


@register.filter
def pretty(value: Any) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


@register.filter
def value_text(value: Any) -> str:
    """Return one value of a row as somebody would write it."""
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT:
        return str(int(value))
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= LONG else f"{text[:LONG]}…"


@register.filter
def payload_text(payload: bytes | memoryview) -> str:
    """Return a payload as it would be read: text as text, anything else as a hex dump with offsets."""
    raw = bytes(payload)
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return hex_dump(raw)
    return text if _is_readable(text) else hex_dump(raw)


@register.filter
def sample_text(payload: str) -> str:
    """Return a sample, with its lines indented when it is JSON."""
    try:
        return pretty(json.loads(payload))
    except (ValueError, RecursionError):
        return payload


def _is_readable(text: str) -> bool:
    return all(character.isprintable() or character in "\t\r\n" for character in text)


def hex_dump(raw: bytes) -> str:
    """Return bytes as lines of offset, hexadecimal digits and what of it is ASCII."""
    lines = []
    for start in range(0, len(raw), BIN):
        part = raw[start : start + BIN]
        ascii_ = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{start:06x}  {part.hex(' '):<{BIN * 3}} {ascii_}")
    return "\n".join(lines)


@register.simple_tag
def trend(hours: Sequence[int]) -> SafeString:
    """Return a little picture of how many came in each hour, the newest last, with the same in words."""
    most = max(hours, default=0) or 1
    bars = []
    for place, count in enumerate(hours):
        height = max(1, round(count / most * HEIGHT)) if count else 0
        bars.append((place * (BAR + GAP), HEIGHT - height, BAR, height))
    drawn = format_html_join("", '<rect x="{}" y="{}" width="{}" height="{}"/>', bars)
    width = max(1, len(hours) * (BAR + GAP) - GAP)
    return format_html(
        '<svg class="trend" role="img" viewBox="0 0 {} {}" width="{}" height="{}" aria-label="{}">{}</svg>',
        width, HEIGHT, width, HEIGHT, _trend_in_words(hours), drawn,
    )  # fmt: skip


@register.simple_tag
def minute_bars(minutes: Sequence[int]) -> SafeString:
    """Return a picture of how many came in each minute, the newest at the right, with the same in words."""
    most = max(minutes, default=0) or 1
    bars = [
        (place, HEIGHT - height, height)
        for place, count in enumerate(minutes)
        if (height := max(1, round(count / most * HEIGHT)) if count else 0)
    ]
    drawn = format_html_join("", '<rect x="{}" y="{}" width="0.8" height="{}"/>', bars)
    words = f"{sum(minutes):,} received in {len(minutes)} minutes, {max(minutes, default=0):,} in one at most."
    return format_html(
        '<svg class="minute-bars" role="img" preserveAspectRatio="none" viewBox="0 0 {} {}" aria-label="{}">{}</svg>',
        len(minutes) or 1, HEIGHT, words, drawn,
    )  # fmt: skip


def _trend_in_words(hours: Sequence[int]) -> str:
    if not any(hours):
        return f"None in the last {len(hours)} hours."
    return f"{sum(hours):,} in the last {len(hours)} hours, {hours[-1]:,} in the last one, {max(hours):,} at most."
