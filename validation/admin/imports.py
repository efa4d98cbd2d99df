"""Imports in the admin: all of them, a file to upload, and one import with its progress and what came of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from validation import imports
from validation.admin.ledger import ToLookAt
from validation.admin.pages import ADDED, address, may, name_of, needs, note, show
from validation.forms.imports import UploadForm
from validation.imports import Refused
from validation.models import Import
from validation.templatetags.telling import counted

COUNTS = ("sent", "stored", "duplicate", "quarantined", "skipped", "in_flight")


@admin.register(Import)
class ImportAdmin(ToLookAt[Import]):
    """Files of readings. Who may see and do what with replays may with imports."""

    change_list_template = "admin/validation/import/change_list.html"
    list_display = (
        "__str__",
        "name",
        "model",
        "does",
        "state",
        "sent",
        "stored",
        "quarantined",
        "created_by",
        "created_at",
    )

    def get_urls(self) -> list[Any]:
        """Add the upload, and the progress and the acts of an import, to the addresses of the admin."""
        return [
            address("upload/", upload, "import_upload"),
            address("<int:pk>/progress.json", progress_now, "import_progress"),
            address("<int:pk>/stop/", stop, "import_stop"),
            address("<int:pk>/resume/", resume, "import_resume"),
            address("<int:pk>/import/", for_real, "import_for_real"),
            *super().get_urls(),
        ]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let those see them who see replays."""
        return may(request, "view_replay")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show them in the admin's index to the same."""
        return may(request, "view_replay")

    @admin.display(description="does")
    def does(self, run: Import) -> str:
        """Return whether what passes is stored."""
        return "dry run" if run.dry_run else "stores"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the list, and the way to the upload to those who may."""
        return super().changelist_view(request, {"can_import": may(request, "replay"), **(extra_context or {})})

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show an import."""
        return import_page(request, object_id)


@require_http_methods(["GET", "HEAD", "POST"])
@needs("view_replay", "replay")
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file, and judge it in a dry run first, or import it at once."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        dry_run = "for_real" not in request.POST
        file = form.cleaned_data["file"]
        try:
            run = imports.upload(
                file.chunks(),
                model=form.cleaned_data["model"],
                name=file.name,
                form=form.cleaned_data["form"],
                said=form.said(),
                dry_run=dry_run,
                by=name_of(request),
            )
        except Refused as fault:
            form.add_error(None, str(fault))
        else:
            note(request, run, f"{'Dry run' if dry_run else 'Import'} of {run.name} into {run.model} started.", ADDED)
            return _at(run)
    return show(request, "import/upload.html", "Import readings", Import, form=form, has_view_permission=True)


@require_safe
@needs("view_replay")
def import_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """Show how far an import is and what came of it; after a dry run, offer to do it."""
    run = get_object_or_404(Import, pk=object_id)
    resumable = run.state in (Import.State.STOPPED, Import.State.FAILED)
    return show(
        request,
        "import/import.html",
        f"{'Dry run' if run.dry_run else 'Import'} {run.pk}",
        Import,
        has_view_permission=True,
        run=run,
        progress=_progress(run),
        is_running=run.state == Import.State.RUNNING,
        is_done=run.state == Import.State.DONE,
        can_resume=resumable and run.parts.exists(),
        can_start=run.dry_run and run.state == Import.State.DONE and run.parts.exists(),
        can_import=may(request, "replay"),
        failing=run.outcome.get("failing", ()),
        others=run.outcome.get("others", 0),
        skipped=run.outcome.get("skipped", ()),
        waiting=urlencode({"model": run.model, "since": f"{run.created_at:%Y-%m-%dT%H:%M}"}),
        mapping=run.settings.get("mapping", {}),
    )


@require_safe
@needs("view_replay")
def progress_now(request: HttpRequest, pk: int) -> JsonResponse:
    """Return how far an import is, for the page that refreshes itself."""
    run = get_object_or_404(Import, pk=pk)
    return JsonResponse({"state": run.state, **_progress(run)})


def _progress(run: Import) -> dict[str, Any]:
    counts = {name: getattr(run, name) for name in COUNTS}
    told = {name: counted(count) for name, count in counts.items()}
    done, total = run.position.get("offset", 0), run.size
    told |= {"examined": f"{done / 1e6:,.1f}", "total": f"{total / 1e6:,.1f}"}
    return {"counts": {**counts, "examined": done, "total": total}, "told": told}


@require_POST
@needs("replay")
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop an import; what it has sent is stored."""
    run = get_object_or_404(Import, pk=pk)
    imports.stop(run.pk)
    note(request, run, "Stopped.")
    messages.info(request, "Stopped. What was sent until now is stored; the rest is kept for a week.")
    return _at(run)


@require_POST
@needs("replay")
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Go on with an import that was stopped or has failed."""
    run = get_object_or_404(Import, pk=pk)
    if imports.resume(run.pk):
        note(request, run, "Resumed.")
        messages.info(request, "It goes on where it was.")
    else:
        messages.error(request, "Its file is not kept any more: upload it again. What is stored is not stored twice.")
    return _at(run)


@require_POST
@needs("replay")
def for_real(request: HttpRequest, pk: int) -> HttpResponse:
    """Import what a dry run has read."""
    dry = get_object_or_404(Import, pk=pk, dry_run=True)
    run = imports.for_real(dry, name_of(request))
    if run is None:
        messages.error(request, "The file of this dry run is not kept any more: upload it again.")
        return _at(dry)
    note(request, run, f"Import of {run.name} into {run.model} started.", ADDED)
    return _at(run)


def _at(run: Import) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:validation_import_change", args=[run.pk]))
