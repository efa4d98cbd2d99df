"""The page of one model that shows what its draft changes and would do, and what was published of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods

from validation import publishing, rates, uses
from validation.admin import trying
from validation.admin.pages import address, may, needs, show
from validation.changes import differences
from validation.forms.faults import faults_of_whole
from validation.models import DataModel, ModelVersion
from validation.spec import ModelSpec

VERSIONS = 50  # that the page lists


@dataclass(frozen=True)
class Draft:
    """A model with what its draft says, against the newest version."""

    model: DataModel
    spec: ModelSpec
    newest: ModelVersion | None
    changes: list[str]
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, model: DataModel) -> Draft:
        """Read a draft and what it changes; blocks for the database."""
        spec, newest = model.spec(), publishing.newest(model)
        return cls(model, spec, newest, differences(publishing.spec_of(newest), spec), faults_of_whole(spec))

    @property
    def next_number(self) -> int:
        """Return the number that the next version will have."""
        return self.newest.number + 1 if self.newest else 1

    def uses(self) -> list[uses.Use]:
        """Return what relies on the fields that go with this draft."""
        before = publishing.spec_of(self.newest)
        if before is None:
            return []
        kept = {one.name for one in self.spec.fields}
        return uses.uses_of(self.model.name, (one.name for one in before.fields if one.name not in kept))


@needs("view_datamodel")
@require_http_methods(["GET", "HEAD", "POST"])
def effect(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the page. A POST tries a payload, which changes nothing."""
    model = get_object_or_404(DataModel, pk=pk)
    draft = Draft.of(model)
    context = {
        "original": model,
        "draft": draft,
        "rivals": publishing.rivals(model, draft.spec) if model.published else [],
        "rate": rates.accept_rates().get(model.name, rates.NOTHING),
        "minutes": rates.MINUTES,
        "versions": model.versions.order_by("-number")[:VERSIONS],
        "can_change": may(request, "change_datamodel"),
        "can_see_quarantine": may(request, "view_quarantined"),
        **trying.payload(request, model, draft.spec),
        **trying.newest(request, model, draft.spec),
    }
    return show(request, "datamodel/effect.html", f"{model}: effect and versions", DataModel, **context)


def addresses() -> list[URLPattern]:
    """Return the address of the page."""
    return [address("<int:pk>/effect/", effect, "datamodel_effect")]
