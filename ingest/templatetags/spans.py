"""How the pages of this room say lengths of time."""

from __future__ import annotations

from django import template

register = template.Library()

STEPS = ((86_400, "d"), (3_600, "h"), (60, "min"))  # seconds, and what they are called


@register.filter
def span(seconds: float) -> str:
    """Return a length of time in its largest unit that is not too coarse: 4.2 s, 38 s, 3 min, 5 h."""
    for step, unit in STEPS:
        if seconds >= 2 * step:
            return f"{seconds / step:,.0f} {unit}"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
