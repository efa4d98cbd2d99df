"""Topics that no model is for, and the models that their messages suggest."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.views.decorators.http import require_http_methods, require_safe

from validation import proposals
from validation.admin.acts import effect_of
from validation.admin.pages import ADDED, address, in_time, may, name_of, needs, note, show
from validation.forms.proposals import Proposed
from validation.models import DataModel
from validation.spec import ModelSpec


@require_safe
@needs("view_datamodel", "view_quarantined")
@in_time
def proposals_page(request: HttpRequest) -> HttpResponse:
    """List what waits because no model is for its topics."""
    return show(request, "datamodel/proposals.html", "Proposals", DataModel, waiting=proposals.unknown())


@needs("add_datamodel", "view_quarantined")
@require_http_methods(["GET", "HEAD", "POST"])
@in_time
def proposal_page(request: HttpRequest) -> HttpResponse:
    """Show the model that the messages of some topics suggest, and make it when somebody says so."""
    topic_filter = request.GET.get("topics", "")
    try:
        proposal = proposals.propose(topic_filter)
    except ValidationError as fault:
        raise Http404(str(fault)) from fault
    proposed = Proposed.sent(request.POST) if request.method == "POST" else Proposed.shown(proposal.spec)
    spec = proposed.spec() if request.method == "POST" else None
    answer = _accept(request, proposed, spec) if spec is not None else None
    if answer is not None:
        return answer
    seen = {one.name: one for one in proposal.fields}
    return show(
        request,
        "datamodel/proposal.html",
        "A model for what waits",
        DataModel,
        proposal=proposal,
        proposed=proposed,
        rows=[(name, seen.get(name), form) for name, form in proposed.rows()],
        topic_filter=topic_filter,
        can_publish=may(request, "change_datamodel"),
        can_replay=may(request, "change_datamodel", "replay"),
    )


def _accept(request: HttpRequest, proposed: Proposed, spec: ModelSpec) -> HttpResponse | None:
    """Make the model as far as the button says and the person may; None when it was refused, which the form says."""
    publish = {"_publish", "_replay"} & request.POST.keys() and may(request, "change_datamodel")
    replay = "_replay" in request.POST and may(request, "change_datamodel", "replay")
    try:
        accepted = proposals.accept(spec, by=name_of(request), publish=bool(publish), replay=replay)
    except (ValidationError, IntegrityError, OperationalError) as fault:
        for words in getattr(fault, "messages", [str(fault)]):
            proposed.form.add_error(None, words)
        return None
    note(request, accepted.model, "Made of a proposal.", ADDED)
    if accepted.version is None:
        messages.success(request, f"The draft of {accepted.model} is made. Publish it when it is right.")
        return HttpResponseRedirect(effect_of(accepted.model))
    note(request, accepted.model, f"Published version {accepted.version.number}.")
    messages.success(request, f"The model {accepted.model} is published; workers judge by it within 2 seconds.")
    if accepted.replay is None:
        return HttpResponseRedirect(effect_of(accepted.model))
    note(request, accepted.replay, "Started.", ADDED)
    return HttpResponseRedirect(reverse("admin:validation_replay_change", args=[accepted.replay.pk]))


def addresses() -> list[URLPattern]:
    """Return the addresses of the proposals."""
    return [
        address("proposals/", proposals_page, "proposals"),
        address("proposals/one/", proposal_page, "proposal"),
    ]
