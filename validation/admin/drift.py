"""What the newest messages of a model have that the model does not say."""

from __future__ import annotations

import msgspec
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods

from validation import drafting, proposals
from validation.admin.acts import effect_of, in_words
from validation.admin.pages import address, in_time, may, needs, note, show
from validation.forms.faults import faults_of_whole
from validation.models import DataModel
from validation.spec import ModelSpec
from validation.templatetags.telling import named


@needs("view_datamodel", "view_quarantined")
@require_http_methods(["GET", "HEAD", "POST"])
@in_time
def drift_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the messages suggest to change, and take it into the draft when somebody says so."""
    model = get_object_or_404(DataModel, pk=pk)
    can_change = may(request, "change_datamodel")
    if request.method == "POST" and can_change and _taken(request, model):
        return HttpResponseRedirect(effect_of(model))
    drift = proposals.drift(model)
    return show(
        request,
        "datamodel/drift.html",
        f"{model}: drift",
        DataModel,
        original=model,
        drift=drift,
        spec=msgspec.json.encode(drift.spec).decode(),
        can_change=can_change,
    )


def _taken(request: HttpRequest, model: DataModel) -> bool:
    """Make the draft what was shown; refuse what does not come back whole, or could never be published."""
    try:
        spec = msgspec.json.decode(request.POST.get("spec", ""), type=ModelSpec)
    except msgspec.MsgspecError:
        messages.error(request, "The suggestion did not come back whole. Look at it again.")
        return False
    spec = msgspec.structs.replace(spec, name=model.name)
    if faults := faults_of_whole(spec):
        messages.error(request, named(f"Not taken into the draft: {in_words(faults)}"))
        return False
    drafting.replace(model, spec)
    note(request, model, "Took what drifted into the draft.")
    messages.success(request, "The draft has what the messages have. Publish it when it is right.")
    return True


def addresses() -> list[URLPattern]:
    """Return the address of the page."""
    return [address("<int:pk>/drift/", drift_page, "datamodel_drift")]
