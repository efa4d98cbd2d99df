"""Numbers in forms, written as people write them."""

from __future__ import annotations

from typing import Any

from django.forms import FloatField

EXACT = 2**53  # beyond it a double cannot tell neighbouring integers apart


class PlainNumber(FloatField):
    """A number that is shown without the end that a double has: 250, not 250.0."""

    def prepare_value(self, value: Any) -> Any:
        """Return an integer for a number that is one."""
        return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < EXACT else value
