"""Published versions in the admin: all of them as a list, and what one of them says."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from validation import publishing
from validation.admin.acts import in_words
from validation.admin.ledger import ToLookAt
from validation.admin.pages import may, needs, show
from validation.exchange import to_schema
from validation.models import ModelVersion


@admin.register(ModelVersion)
class ModelVersionAdmin(ToLookAt[ModelVersion]):
    """What was published, to look at: a version never changes, because rows say which one judged them."""

    list_display = ("model", "number", "published_at", "published_by", "what_changed")
    list_filter = ("model",)
    list_select_related = ("model",)

    @admin.display(description="changes")
    def what_changed(self, version: ModelVersion) -> str:
        """Return the first of the changes against the version before."""
        return in_words(version.changes)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show what a version says."""
        return version_page(request, object_id)


@needs("view_modelversion")
def version_page(request: HttpRequest, object_id: str) -> HttpResponse:
    """Show a version: what changed, its fields and rules, and its JSON Schema."""
    version = get_object_or_404(ModelVersion.objects.select_related("model"), pk=object_id)
    spec = publishing.spec_of(version)
    assert spec is not None  # noqa: S101  (a version says something)
    return show(
        request,
        "modelversion/version.html",
        f"{version.model}, version {version.number}",
        ModelVersion,
        version=version,
        spec=spec,
        schema=to_schema(spec),
        is_newest=publishing.newest(version.model) == version,
        can_change=may(request, "change_datamodel"),
    )
