"""What the lists of runs have in common: replays and imports."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MAX_ID = 2**63 - 1


class RunPage(serializers.Serializer[Any]):
    """Which page of the runs, the newest first."""

    before = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_ID, help_text="Only below this: `next` of the page before."
    )
    limit = serializers.IntegerField(default=50, min_value=1, max_value=200)
