"""Replays in the admin: all runs, and one of them with its progress and what came of it."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from validation import replay
from validation.admin.ledger import ToLookAt
from validation.admin.pages import address, may, needs, note, show
from validation.forms.quarantine import in_words, pairs_of, query_of
from validation.models import Replay
from validation.quarantine import Selection
from validation.templatetags.telling import counted


@admin.register(Replay)
class ReplayAdmin(ToLookAt[Replay]):
    """Runs that judge records of quarantine again."""

    list_display = ("__str__", "what", "judges", "state", "progress", "stored", "failing", "created_by", "created_at")

    def get_urls(self) -> list[Any]:
        """Add the progress and the acts of a run to the addresses of the admin."""
        return [
            address("<int:pk>/progress.json", progress_now, "replay_progress"),
            address("<int:pk>/stop/", stop, "replay_stop"),
            address("<int:pk>/resume/", resume, "replay_resume"),
            *super().get_urls(),
        ]

    @admin.display(description="records")
    def what(self, run: Replay) -> str:
        """Return what was selected, in words."""
        return in_words(selection_of(run))

    @admin.display(description="does")
    def judges(self, run: Replay) -> str:
        """Return whether what passes is stored."""
        return "dry run" if run.dry_run else "stores"

    @admin.display(description="looked at")
    def progress(self, run: Replay) -> str:
        """Return how far it is."""
        return f"{counted(run.examined)} of {counted(run.total)}"

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a run."""
        return replay_page(request, object_id)


def selection_of(run: Replay) -> Selection:
    """Return what a run was started for."""
    return msgspec.convert(run.selection, Selection, strict=False)


@require_safe
@needs("view_replay")
def replay_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """Show how far a run is and what came of it; after a dry run, offer to do it."""
    run = get_object_or_404(Replay, pk=object_id)
    selection = selection_of(run)
    return show(
        request,
        "replay/replay.html",
        f"{'Dry run' if run.dry_run else 'Replay'} {run.pk}",
        Replay,
        run=run,
        is_running=run.state == Replay.State.RUNNING,
        is_stopped=run.state in (Replay.State.STOPPED, Replay.State.FAILED),
        is_done=run.state == Replay.State.DONE,
        selected=in_words(selection),
        pairs=pairs_of(selection),
        query=query_of(selection),
        can_replay=may(request, "replay"),
        outcome=run.outcome.get("failing", ()),
        others=run.outcome.get("others", 0),
    )


@require_safe
@needs("view_replay")
def progress_now(request: HttpRequest, pk: int) -> JsonResponse:
    """Return how far a run is, for the page that refreshes itself."""
    run = get_object_or_404(Replay, pk=pk)
    counts = {name: getattr(run, name) for name in ("total", "examined", "stored", "duplicate", "failing")}
    told = {name: counted(count) for name, count in counts.items()}
    return JsonResponse({"state": run.state, "counts": counts, "told": told})


@require_POST
@needs("replay")
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop a run; what it has stored stays stored."""
    run = get_object_or_404(Replay, pk=pk)
    replay.stop(run.pk)
    note(request, run, "Stopped.")
    messages.info(request, "Stopped. What was stored until now stays stored; the rest waits as before.")
    return _back(run)


@require_POST
@needs("replay")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with a run that was stopped or has failed."""
    run = get_object_or_404(Replay, pk=pk)
    replay.resume(run.pk)
    note(request, run, "Resumed.")
    messages.info(request, "It goes on where it was.")
    return _back(run)


def _back(run: Replay) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:validation_replay_change", args=[run.pk]))
