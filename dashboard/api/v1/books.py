"""The books: whether they balance, by minute, model and device, and which sequence numbers are missing."""

from __future__ import annotations

import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import redis
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Unavailable
from dashboard.api.times import span
from dashboard.api.v1.base import Needs, V1View, everything
from dashboard.api.v1.bodies import query_of
from dashboard.serializers.books import BooksLine, BooksState, Gaps, GapsQuery, LinesQuery
from dashboard.serializers.common import listing_of
from ingest.buffers import ring_urls
from validation import bookkeeping, gaps
from validation.audit import Line, TooManyLines, lines
from validation.bookkeeping import TooMuchWaits
from validation.moments import moment

VIEW_BOOKS = ("validation.view_ledgerminute",)
HOUR = 60  # minutes


class Books(V1View):
    """Whether the books balance."""

    needs: Needs = {"GET": VIEW_BOOKS}

    @extend_schema(responses=BooksState, operation_id="get_books")
    def get(self, request: Request) -> Response:
        """Say what the newest look at the books found; one is made every minute."""
        state = bookkeeping.state()
        check = state.check
        return Response(
            {
                "state": state.word,
                "alarm": state.is_alarm,
                "checked_at": check and check.at,
                "age_s": state.age_s,
                "wrong_since": state.wrong_since,
                "since": moment(check.since * 60_000_000) if check and check.since else None,
                "missing": check.missing if check else 0,
                "totals": check.totals if check else {},
                "complaints": check.complaints if check else [],
            }
        )


class BooksLines(V1View):
    """The books in parts."""

    needs: Needs = {"GET": VIEW_BOOKS}

    @extend_schema(parameters=[LinesQuery], responses=listing_of(BooksLine), operation_id="list_books")
    def get(self, request: Request) -> Response:
        """List the books by minute, model or device, or several of them; of the last hour, or since a moment.

        By minute everything is known. A buffer does not look into what it counts, so by model and device nobody knows
        what was received and what waits.
        """
        query = query_of(request, LinesQuery)
        since = int(query["since"].timestamp() // 60) if "since" in query else int(time.time() // 60) - HOUR
        alone = query["by"] == ("minute",) and "device" not in query
        try:
            minutes = bookkeeping.minutes(ring_urls(), since) if alone else {}
            found = lines(query["by"], minutes, since, query.get("device"))
        except TooManyLines as error:
            raise ValidationError({"since": [f"That would be {error} lines: ask for less."]}, "too_many") from error
        except TooMuchWaits as error:
            raise Unavailable(f"{error} Try again when workers have caught up.", "behind") from error
        except redis.RedisError as error:
            raise Unavailable("A buffer does not answer. Try again soon.") from error
        return everything([shown(line) for line in found])


class BooksGaps(V1View):
    """Missing sequence numbers."""

    needs: Needs = {"GET": VIEW_BOOKS}

    @extend_schema(parameters=[GapsQuery], responses=Gaps, operation_id="list_gaps")
    def get(self, request: Request) -> Response:
        """List which sequence numbers of devices are not stored, of the last 24 hours or another span of event time."""
        query = query_of(request, GapsQuery)
        try:
            start, end = span(
                datetime.now(UTC) - gaps.UNDERWAY,
                query.get("start"),
                query.get("end"),
                query.get("duration"),
                gaps.WINDOW,
            )
        except ValueError as error:
            raise ValidationError(str(error), "span") from error
        found = gaps.find(model=query.get("model"), device=query.get("device"), start=start, end=end)
        listed = [asdict(gap) | {"missing": gap.missing} for gap in found.found]
        told = {"start": found.start, "end": found.end, "models": found.models}
        return Response({**told, "missing": found.missing, "is_cut": found.is_cut, "gaps": listed})


def shown(line: Line) -> dict[str, Any]:
    """Return what the API says of a line."""
    return asdict(line) | {"minute": None if line.minute is None else moment(line.minute * 60_000_000)}
