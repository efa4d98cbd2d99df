"""The page of the ring: how each buffer does, and what can be done with it while data flows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from ingest import buffers
from ingest.admin.watched import WatchedAdmin
from ingest.buffers import Refused
from ingest.models import Buffer
from ingest.ring_state import ring_state
from validation.admin.pages import ADDED, note
from validation.forms.ring import AddForm, WeightForm
from validation.ring import remove, write_off

FOLDER = "admin/validation/buffer"
Act = Callable[[HttpRequest, Buffer], str]


@admin.register(Buffer)
class BufferAdmin(WatchedAdmin):
    """The ring on one page. Its members change by acts alone, which know what must not happen; their books stay."""

    title, folder = "Ring", FOLDER

    def state(self, request: HttpRequest) -> dict[str, Any]:
        """Return the ring, and what may be done with it by whom."""
        return {**_allowed(request), "ring": ring_state()}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Whoever has the permission may take a server into the ring."""
        return admin.ModelAdmin.has_add_permission(self, request)

    def get_urls(self) -> list[URLPattern]:
        """Add an address for each act."""
        acts = [
            path(f"<int:key>/{name}/", admin.site.admin_view(_acting(act, permission)), name=f"ingest_buffer_{name}")
            for name, (act, permission) in ACTS.items()
        ]
        return acts + super().get_urls()

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Ask for a server, and take it into the ring."""
        return add_page(request)


def _allowed(request: HttpRequest) -> dict[str, bool]:
    return {
        "may_operate": request.user.has_perm("ingest.change_buffer"),
        "may_add": request.user.has_perm("ingest.add_buffer"),
        "may_remove": request.user.has_perm("ingest.delete_buffer"),
    }


def add_page(request: HttpRequest) -> HttpResponse:
    """Ask for the address of a server; take it into the ring when it answers and keeps what it is given."""
    if not request.user.has_perm("ingest.add_buffer"):
        raise PermissionDenied
    form = AddForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = buffers.add(form.url(), form.cleaned_data["weight"])
        except Refused as error:
            form.add_error(None, str(error))
        else:
            note(request, row, "Taken into the ring.", ADDED)
            messages.success(request, f"The buffer {row} takes batches.")
            return HttpResponseRedirect(reverse("admin:ingest_buffer_changelist"))
    # What was typed is shown again without any password.
    shown = AddForm(initial=form.without_secrets()) if form.is_bound else form
    context = {
        **admin.site.each_context(request),
        "title": "Add a buffer",
        "opts": Buffer._meta,
        "form": shown,
        "errors": form.errors,
    }
    return TemplateResponse(request, f"{FOLDER}/add.html", context)


def _acting(act: Act, permission: str) -> Callable[..., HttpResponse]:
    """Return a view that does something with a buffer, says what, and writes it into the history."""

    @require_POST
    def view(request: HttpRequest, key: int) -> HttpResponse:
        if not request.user.has_perm(permission):
            raise PermissionDenied
        row = get_object_or_404(Buffer, pk=key)
        try:
            said = act(request, row)
        except Refused as error:
            messages.error(request, str(error))
        else:
            note(request, row, said)
            messages.success(request, f"The buffer {row}: {said}")
        return HttpResponseRedirect(reverse("admin:ingest_buffer_changelist"))

    return view


def _drain(request: HttpRequest, row: Buffer) -> str:
    buffers.drain(row)
    return "It takes no more batches and is drained."


def _resume(request: HttpRequest, row: Buffer) -> str:
    buffers.resume(row)
    return "It takes batches again."


def _weigh(request: HttpRequest, row: Buffer) -> str:
    form = WeightForm(request.POST)
    if not form.is_valid():
        raise Refused(f"A weight is from {buffers.LEAST_WEIGHT} to {buffers.MOST_WEIGHT}.")
    return f"It has the weight {buffers.set_weight(row, form.cleaned_data['weight']).weight}."


def _remove(request: HttpRequest, row: Buffer) -> str:
    remove(row)
    return "It has left the ring, and the books have all it counted."


def _write_off(request: HttpRequest, row: Buffer) -> str:
    return write_off(row).sentence


ACTS: dict[str, tuple[Act, str]] = {
    "drain": (_drain, "ingest.change_buffer"),
    "resume": (_resume, "ingest.change_buffer"),
    "weight": (_weigh, "ingest.change_buffer"),
    "remove": (_remove, "ingest.delete_buffer"),
    "write_off": (_write_off, "ingest.delete_buffer"),
}
