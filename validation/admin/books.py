"""The books in the admin: whether they balance, by minute, model and device, gaps; and the trace of one reading."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import redis
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from ingest.buffers import ring_urls
from validation import bookkeeping, gaps
from validation.admin.ledger import ToLookAt
from validation.admin.pages import address, in_time, may, needs, show
from validation.audit import Line, TooManyLines, lines
from validation.forms.books import GapsForm, TraceForm
from validation.models import BookCheck, LedgerMinute
from validation.moments import moment
from validation.trace import Found, State, trace

MINUTES = 120  # that the page shows
DEVICES = 50  # that the page shows of one span, those with the most readings
SHOWN_GAPS = 100


@admin.register(BookCheck)
class BookCheckAdmin(ToLookAt[BookCheck]):
    """The books, to look at; every look that was made stands in their history."""

    list_display = ("at", "balanced", "missing", "seconds")

    def get_urls(self) -> list[Any]:
        """Add the pages of gaps and traces to those of the admin."""
        return [
            address("history/", self.admin_history, "books_history"),
            address("gaps/", gaps_page, "books_gaps"),
            address("devices/", devices_page, "books_devices"),
            address("trace/", trace_page, "books_trace"),
            *super().get_urls(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whoever may see the ledger may see its books."""
        return may(request, "view_ledgerminute")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show it to the same people."""
        return may(request, "view_ledgerminute")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the books."""
        return books_page(request)

    def admin_history(self, request: HttpRequest) -> HttpResponse:
        """List every look that was made."""
        return super().changelist_view(request, {"title": "Looks at the books"})


@require_safe
@needs("view_ledgerminute")
@in_time
def books_page(request: HttpRequest) -> HttpResponse:
    """Show whether the books balance, the last hours by minute, and each model."""
    first = int(time.time() // 60) - MINUTES
    minutes, trouble = _minutes(first)
    return show(
        request,
        "books/books.html",
        "Books",
        BookCheck,
        has_view_permission=True,
        state=bookkeeping.state(),
        begun=_begun(),
        minutes=[{"at": moment((line.minute or 0) * 60_000_000), "line": line} for line in reversed(minutes)],
        bars=_bars(minutes, first),
        trouble=trouble,
        models=lines(("model",), {}, first),
        hours=MINUTES // 60,
    )


def _begun() -> Any:
    newest = bookkeeping.state().check
    return moment(newest.since * 60_000_000) if newest and newest.since else None


def _minutes(first: int) -> tuple[Sequence[Line], str]:
    """Return the books by minute, or why they cannot be shown."""
    try:
        return lines(("minute",), bookkeeping.minutes(ring_urls(), first)), ""
    except bookkeeping.TooMuchWaits as error:
        return [], f"{error} Look again when workers have caught up."
    except (redis.RedisError, OSError):
        return [], "A buffer does not answer, so what it counted is not known. Bring it back and look again."


def _bars(minutes: Sequence[Line], first: int) -> list[int]:
    """Return how many were received in each of the minutes that are shown, for the little picture."""
    received = {line.minute: line.received or 0 for line in minutes}
    return [received.get(minute, 0) for minute in range(first, first + MINUTES + 1)]


@require_safe
@needs("view_ledgerminute")
@in_time
def devices_page(request: HttpRequest) -> HttpResponse:
    """Show what became of each device's readings in the last hours."""
    first = int(time.time() // 60) - MINUTES
    try:
        found, is_cut = lines(("device",), {}, first), False
    except TooManyLines:
        found, is_cut = [], True
    found.sort(key=lambda line: -sum((line.stored or 0, line.duplicate or 0, line.quarantined or 0)))
    return show(
        request,
        "books/devices.html",
        "Books by device",
        BookCheck,
        has_view_permission=True,
        lines=found[:DEVICES],
        is_cut=is_cut or len(found) > DEVICES,
        hours=MINUTES // 60,
    )


@require_safe
@needs("view_ledgerminute")
@in_time
def gaps_page(request: HttpRequest) -> HttpResponse:
    """Show which sequence numbers of devices are missing."""
    form = GapsForm(request.GET)
    found = None
    if form.is_valid():
        said = form.cleaned_data
        found = gaps.find(
            model=said["model"] or None, device=said["device"] or None, start=said["start"], end=said["end"]
        )
    return show(
        request,
        "books/gaps.html",
        "Missing sequence numbers",
        BookCheck,
        has_view_permission=True,
        form=form,
        found=found,
        shown=found.found[:SHOWN_GAPS] if found else (),
        is_cut=bool(found and (found.is_cut or len(found.found) > SHOWN_GAPS)),
    )


@require_safe
@needs("view_ledgerminute", "view_quarantined")
@in_time
def trace_page(request: HttpRequest) -> HttpResponse:
    """Ask for device and event time, and follow that reading through its hops."""
    asked = bool(request.GET)
    form = TraceForm(request.GET if asked else None)
    answer = None
    if asked and form.is_valid():
        said = form.cleaned_data
        answer = trace(ring_urls(), said["device"], said["at"], model=said["model"] or None, seq=said["seq"])
    return show(
        request,
        "books/trace.html",
        "Trace",
        LedgerMinute,
        form=form,
        answer=answer,
        reading=answer.reading if answer else None,
        is_quarantined=bool(answer and answer.reading and answer.reading.state == State.QUARANTINED),
        candidates=[(item, _address_of(item)) for item in answer.candidates] if answer else [],
    )


def _address_of(item: Found) -> str:
    """Return the query that traces one of several readings."""
    at = (item.ts or item.received_at).isoformat()
    said = {"device": item.device, "at": at, "model": item.model, "seq": item.seq}
    return urlencode({name: value for name, value in said.items() if value is not None})
