"""What people do with a whole model: publish it, take it out of service and back, go back to a version."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from validation import publishing
from validation.admin.pages import address, name_of, needs, note
from validation.models import DataModel, ModelVersion, Quarantined
from validation.templatetags.telling import counted, named

TOLD = 6  # changes that a message names; the page behind it lists all


def effect_of(model: DataModel) -> str:
    """Return the address of the page that shows what a model's draft would do."""
    return reverse("admin:validation_datamodel_effect", args=[model.pk])


def publish(request: HttpRequest, model: DataModel) -> bool:
    """Publish the draft of a model, tell the person what came of it, and say whether it is published now."""
    before = publishing.newest(model)
    try:
        version = publishing.publish(model, name_of(request))
    except ValidationError as error:
        for fault in error.messages:
            messages.error(request, named(f"Not published: {fault}"))
        return False
    except OperationalError as error:
        words = f"Not published, because its table is too busy: {error} The draft is kept; publish it again."
        messages.error(request, words)
        return False
    if before is not None and before.number == version.number:
        messages.info(request, f"Nothing to publish: the draft is what version {version.number} says.")
        return True
    note(request, model, f"Published version {version.number}: {in_words(version.changes)}")
    messages.success(request, _published(model, version))
    return True


def _published(model: DataModel, version: ModelVersion) -> SafeString:
    if not model.published:
        return format_html("Version {} is published. The model is not in service.", version.number)
    told = format_html("Version {} is published; workers judge by it within 2 seconds.", version.number)
    waiting = Quarantined.objects.filter(model=model).count()
    if not waiting:
        return told
    link = f"{reverse('admin:validation_quarantined_changelist')}?model={model.name}"
    return format_html('{} <a href="{}">{} of it in quarantine</a> can be replayed.', told, link, counted(waiting))


def in_words(changes: list[str]) -> str:
    """Return the first of some changes as one line."""
    told = "; ".join(changes[:TOLD]) or "nothing"
    return told if len(changes) <= TOLD else f"{told}; and {len(changes) - TOLD} more"


def tell_draft(request: HttpRequest, model: DataModel) -> None:
    """Tell the person what the saved draft changes, and where to see what that would do."""
    changes = publishing.pending(model)
    if not changes:
        messages.success(request, "Saved. There is nothing to publish.")
        return
    if publishing.newest(model) is None:
        told = SafeString("Draft saved; its readings wait in quarantine until you publish it.")
    else:
        told = format_html(
            "Draft saved; workers go on as before until you publish it. Changes: {}", named(f"{in_words(changes)}.")
        )
    messages.success(request, format_html('{} <a href="{}">See the effect.</a>', told, effect_of(model)))


def set_service(request: HttpRequest, model: DataModel, *, wanted: bool) -> None:
    """Take a model into service or out of it, and tell the person."""
    try:
        publishing.resume(model) if wanted else publishing.withdraw(model)
    except ValidationError as error:
        for fault in error.messages:
            messages.error(request, f"Not taken into service: {fault}")
        return
    except OperationalError as error:
        messages.error(request, f"Not taken into service, because its table is too busy: {error} Try it again.")
        return
    note(request, model, "Taken into service." if wanted else "Taken out of service.")
    if wanted:
        messages.success(request, f"The model {model} is in service.")
    else:
        messages.warning(request, f"The model {model} is out of service: from now on its readings wait in quarantine.")


def _act(act: Callable[[HttpRequest, DataModel], object]) -> Callable[[HttpRequest, int], HttpResponse]:
    """Return a view that does something to a model and goes back to its page."""

    @require_POST
    @needs("change_datamodel")
    def view(request: HttpRequest, pk: int) -> HttpResponse:
        model = get_object_or_404(DataModel, pk=pk)
        act(request, model)
        return HttpResponseRedirect(effect_of(model))

    return view


def _withdraw(request: HttpRequest, model: DataModel) -> None:
    set_service(request, model, wanted=False)


def _resume(request: HttpRequest, model: DataModel) -> None:
    set_service(request, model, wanted=True)


@require_POST
@needs("change_datamodel")
def revert(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Make the draft what a version says."""
    model = get_object_or_404(DataModel, pk=pk)
    try:
        publishing.revert(model, number)
    except ModelVersion.DoesNotExist as fault:
        raise Http404 from fault
    note(request, model, f"Made the draft what version {number} says.")
    messages.success(request, f"The draft is what version {number} says. Publish it to have workers judge by it.")
    return HttpResponseRedirect(effect_of(model))


def addresses() -> list[URLPattern]:
    """Return the addresses of what can be done to a model."""
    return [
        address("<int:pk>/publish/", _act(publish), "datamodel_publish"),
        address("<int:pk>/withdraw/", _act(_withdraw), "datamodel_withdraw"),
        address("<int:pk>/resume/", _act(_resume), "datamodel_resume"),
        address("<int:pk>/revert/<int:number>/", revert, "datamodel_revert"),
    ]
