"""Quarantine in the admin: groups of what did not pass, the records of a group, one record, and what can be done."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from validation import quarantine, replay
from validation.admin.ledger import ToLookAt
from validation.admin.pages import ADDED, REMOVED, address, in_time, may, name_of, needs, note, show
from validation.forms.quarantine import GROUPINGS, NO_RECORD, SelectionForm, in_words, pairs_of, query_of
from validation.models import Quarantined, QuarantineLoss
from validation.quarantine import Selection
from validation.selectors import bounded_read

PAGE = 50  # records
GROUPS = 100
SHOWN_BYTES = 4_000  # of a payload; all of it can be downloaded


@admin.register(Quarantined)
class QuarantinedAdmin(ToLookAt[Quarantined]):
    """What did not pass, and why. A record stays as it came until it is replayed, discarded or too old."""

    def get_urls(self) -> list[Any]:
        """Add the pages of records and acts to those of the admin."""
        return [
            address("records/", records_page, "quarantined_records"),
            address("replay/", replay_selected, "quarantined_replay"),
            address("discard/", discard_selected, "quarantined_discard"),
            address("<int:pk>/payload/", payload_file, "quarantined_payload"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the groups."""
        return groups_page(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a record."""
        return record_page(request, object_id)


def _selected(request: HttpRequest) -> tuple[SelectionForm, Selection]:
    """Return the form that the address or the sent form fills in, and what it selects; nothing when it is wrong."""
    form = SelectionForm(request.POST if request.method == "POST" else request.GET)
    return form, form.selection() if form.is_valid() else Selection(ids=(NO_RECORD,))


@require_safe
@needs("view_quarantined")
@in_time
def groups_page(request: HttpRequest) -> HttpResponse:
    """Show what waits in quarantine, grouped as the address says."""
    form, selection = _selected(request)
    found = quarantine.groups(selection, form.by, limit=GROUPS)
    rows = [(group, query_of(_narrowed(selection, group, form.by))) for group in found]
    return show(
        request,
        "quarantined/groups.html",
        "Quarantine",
        Quarantined,
        form=form,
        by=form.by,
        groupings=GROUPINGS,
        rows=rows,
        is_cut=len(found) == GROUPS,
        **_bulk(request, selection),
        losses=_losses(),
        limits=_limits(),
    )


def _narrowed(selection: Selection, group: quarantine.Group, by: tuple[str, ...]) -> Selection:
    """Return the selection of one group of a selection."""
    said = {name: getattr(selection, name) for name in Selection.__struct_fields__}
    return Selection(**said | {name: getattr(group, name) or "" for name in by})


def _bulk(request: HttpRequest, selection: Selection) -> dict[str, Any]:
    """Return what the bar of acts needs to know of a selection."""
    with bounded_read():
        count = quarantine.select(selection).count()
    return {
        "count": count,
        "pairs": pairs_of(selection),
        "query": query_of(selection),
        "selected": in_words(selection),
        "is_narrowed": bool(pairs_of(selection)),
        "can_replay": may(request, "replay"),
        "can_discard": may(request, "discard"),
    }


def _limits() -> dict[str, int]:
    return {
        "days": settings.QUARANTINE_DAYS,
        "megabytes": settings.QUARANTINE_MB,
        "per_device": settings.QUARANTINE_PER_DEVICE,
    }


def _losses() -> list[dict[str, Any]]:
    """Return how many records left quarantine unstored, by cause, over all days that are still known."""
    rows = QuarantineLoss.objects.values("cause").annotate(total=Sum("count")).order_by("cause")
    words = dict(QuarantineLoss.Cause.choices)
    return [{"cause": words[row["cause"]], "total": row["total"]} for row in rows]


@require_safe
@needs("view_quarantined")
@in_time
def records_page(request: HttpRequest) -> HttpResponse:
    """Show the records of a selection, newest first, some at a time."""
    form, selection = _selected(request)
    before = request.GET.get("before", "")
    start = int(before) if before.isdecimal() else None
    found = quarantine.records(selection, limit=PAGE, before=start, payloads=False)
    return show(
        request,
        "quarantined/records.html",
        "Records in quarantine",
        Quarantined,
        form=form,
        records=found,
        older=query_of(selection, before=found[-1].pk) if len(found) == PAGE else "",
        **_bulk(request, selection),
    )


@require_safe
@needs("view_quarantined")
def record_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """Show one record: as it came, as it is read, and every reason, side by side."""
    record = get_object_or_404(Quarantined.objects.select_related("model"), pk=object_id)
    raw = bytes(record.payload)
    return show(
        request,
        "quarantined/record.html",
        "A record in quarantine",
        Quarantined,
        record=record,
        raw=raw[:SHOWN_BYTES],
        size=len(raw),
        is_cut=len(raw) > SHOWN_BYTES,
        shown_bytes=SHOWN_BYTES,
        decoded=quarantine.decoded(record),
        can_try=record.model is not None and may(request, "view_datamodel"),
        **_bulk(request, Selection(ids=(record.pk,))),
    )


@require_safe
@needs("view_quarantined")
def payload_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the payload of a record, byte for byte, to save."""
    record = get_object_or_404(Quarantined, pk=pk)
    answer = HttpResponse(bytes(record.payload), content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="quarantined-{record.pk}.bin"'
    return answer


@require_POST
@needs("view_quarantined", "replay")
@in_time
def replay_selected(request: HttpRequest) -> HttpResponse:
    """Start a run over a selection: a dry run, unless somebody who has seen one says otherwise."""
    _, selection = _selected(request)
    if not quarantine.select(selection).exists():
        messages.warning(request, "Nothing was chosen that is in quarantine.")
        return HttpResponseRedirect(reverse("admin:validation_quarantined_changelist"))
    run = replay.start(selection, dry_run="for_real" not in request.POST, by=name_of(request))
    note(request, run, f"{'Dry run' if run.dry_run else 'Replay'} of {in_words(selection)}.", ADDED)
    return HttpResponseRedirect(reverse("admin:validation_replay_change", args=[run.pk]))


@require_POST
@needs("view_quarantined", "discard")
@in_time
def discard_selected(request: HttpRequest) -> HttpResponse:
    """Ask whether a selection is to go, and discard it when that was confirmed."""
    _, selection = _selected(request)
    if "confirmed" not in request.POST or not quarantine.select(selection).exists():
        title = "Discard records"
        return show(request, "quarantined/discard.html", title, Quarantined, **_bulk(request, selection))
    count = quarantine.discard(selection, name_of(request))
    note(request, Quarantined, f"Discarded {count:,} records: {in_words(selection)}.", REMOVED)
    messages.success(request, f"{count:,} records are discarded. They are counted, and cannot come back.")
    return HttpResponseRedirect(reverse("admin:validation_quarantined_changelist"))
