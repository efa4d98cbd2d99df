"""Models as files, and models made of files and templates."""

from __future__ import annotations

from typing import Any

import msgspec
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern
from django.views.decorators.http import require_http_methods, require_safe

from validation import drafting, exchange
from validation.admin.acts import effect_of
from validation.admin.pages import ADDED, address, download, name_of, needs, note, show
from validation.forms.exchange import ImportForm, NewModelForm
from validation.models import DataModel
from validation.publishing import check, spec_of


@require_safe
@needs("view_datamodel")
def bundle_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Return a model with its history as a file."""
    model = get_object_or_404(DataModel, pk=pk)
    return download(exchange.bundle(model), f"{model.name}.model.json")


@require_safe
@needs("view_datamodel")
def draft_schema_file(request: HttpRequest, pk: int) -> HttpResponse:
    """Return the JSON Schema of a model's draft as a file."""
    model = get_object_or_404(DataModel, pk=pk)
    return download(exchange.to_schema(model.spec(), model.description), f"{model.name}.draft.schema.json")


@require_safe
@needs("view_modelversion")
def schema_file(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    """Return the JSON Schema of a version as a file."""
    model = get_object_or_404(DataModel, pk=pk)
    spec = spec_of(get_object_or_404(model.versions.all(), number=number))
    assert spec is not None  # noqa: S101  (a version says something)
    return download(exchange.to_schema(spec, model.description), f"{model.name}.v{number}.schema.json")


@needs("add_datamodel", "change_datamodel")
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest) -> HttpResponse:
    """Make a model of a file: an export of another installation, or a JSON Schema."""
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            model, notes = _imported(form, name_of(request))
        except (ValidationError, IntegrityError) as fault:
            for words in getattr(fault, "messages", [str(fault)]):
                form.add_error(None, words)
        else:
            for words in notes:
                messages.warning(request, words)
            return _made(request, model, "Imported from a file.")
    return show(request, "datamodel/import.html", "Import a data model", DataModel, form=form)


def _imported(form: ImportForm, by: str) -> tuple[DataModel, list[str]]:
    """Make what the form says, and return it with sentences about what could not be taken over."""
    said = form.cleaned_data
    document: dict[str, Any] = said["read"]
    if not form.is_schema:
        form.refuse_to_replace(said["name"] or document.get("name"))
        return exchange.load_bundle(document, by, name=said["name"], topic_filter=said["topic_filter"]), []
    read = exchange.read_schema(document, said["name"], said["topic_filter"])
    form.refuse_to_replace(read.spec.name)
    check(read.spec)
    known = DataModel.objects.filter(name=read.spec.name).first()
    if known is None:
        return drafting.save(read.spec, read.description), read.notes
    drafting.replace(known, read.spec)
    return known, read.notes


@needs("add_datamodel")
@require_http_methods(["GET", "HEAD", "POST"])
def templates_page(request: HttpRequest) -> HttpResponse:
    """Make a model of one of the templates that come with the software."""
    templates = exchange.templates()
    chosen = request.POST.get("template", "")
    forms = {
        name: NewModelForm(
            request.POST if name == chosen else None,
            initial={"name": template.spec.name, "topic_filter": template.spec.topic_filter},
            prefix=name,
        )
        for name, template in templates.items()
    }
    if chosen in forms and forms[chosen].is_valid():
        said, template = forms[chosen].cleaned_data, templates[chosen]
        spec = msgspec.structs.replace(template.spec, name=said["name"], topic_filter=said["topic_filter"])
        return _made(request, drafting.save(spec, template.description), f"Made of the template {chosen}.")
    offers = [(template, forms[name]) for name, template in templates.items()]
    return show(request, "datamodel/templates.html", "New data model from a template", DataModel, offers=offers)


def _made(request: HttpRequest, model: DataModel, words: str) -> HttpResponse:
    note(request, model, words, ADDED)
    messages.success(request, f"The draft of {model} is made. Try it below, and publish it when it is right.")
    return HttpResponseRedirect(effect_of(model))


def addresses() -> list[URLPattern]:
    """Return the addresses of what is exchanged."""
    return [
        address("import/", import_page, "datamodel_import"),
        address("templates/", templates_page, "datamodel_templates"),
        address("<int:pk>/bundle.json", bundle_file, "datamodel_bundle"),
        address("<int:pk>/draft.schema.json", draft_schema_file, "datamodel_draft_schema"),
        address("<int:pk>/v<int:number>.schema.json", schema_file, "datamodel_schema"),
    ]
