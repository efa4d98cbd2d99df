"""Models in and out: JSON Schema, bundles with the whole history, templates."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import transaction
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.base import Json
from dashboard.api.v1 import history
from dashboard.api.v1.base import ADD_MODELS, VIEW_MODELS, VIEW_VERSIONS, Needs, V1View, everything
from dashboard.api.v1.bodies import body_of
from dashboard.api.v1.models import OneModel, created, detail
from dashboard.api.v1.names import model_of
from dashboard.api.v1.publishing import publish
from dashboard.api.v1.requests import FromTemplate, Import
from dashboard.serializers.common import listing_of
from dashboard.serializers.exchange import FROM_TEMPLATE, IMPORT, FromTemplateRequest, Imported, ImportRequest, Template
from dashboard.serializers.models import ModelDetail
from validation import exchange
from validation.models import DataModel

HIDDEN = extend_schema(exclude=True)


class SchemaJson(Json):
    """Write a JSON Schema."""

    media_type = "application/schema+json"
    format = "schema+json"


class ModelSchema(V1View):
    """A model as JSON Schema."""

    needs: Needs = {"GET": VIEW_MODELS}
    renderer_classes = (SchemaJson, Json)

    @extend_schema(responses={(200, "application/schema+json"): OpenApiTypes.OBJECT}, operation_id="get_model_schema")
    def get(self, request: Request, name: str) -> Response:
        """Give the draft as JSON Schema 2020-12; what that cannot say stands in x- keys. The import reads it back."""
        model = model_of(name)
        return Response(exchange.to_schema(model.spec(), model.description))


class Bundle(V1View):
    """A model with its history."""

    needs: Needs = {"GET": VIEW_VERSIONS}

    @extend_schema(responses=OpenApiTypes.OBJECT, operation_id="get_bundle")
    def get(self, request: Request, name: str) -> Response:
        """Give the model with all its versions as one JSON file, to import elsewhere."""
        headers = {"Content-Disposition": f'attachment; filename="{model_of(name).name}.model.json"'}
        return Response(exchange.bundle(model_of(name)), headers=headers)


@extend_schema_view(get=HIDDEN, put=HIDDEN, patch=HIDDEN, delete=HIDDEN)
class ImportModel(OneModel):
    """Import a model. The other methods are there for a model that somebody has named `import`."""

    needs: Needs = {**OneModel.needs, "POST": ADD_MODELS}

    @extend_schema(
        request=ImportRequest,
        examples=[IMPORT],
        responses={200: Imported, 201: Imported},
        operation_id="import_model",
    )
    def post(self, request: Request, name: str) -> Response:
        """Make a model of a bundle, or of a JSON Schema; `notes` says what could not be carried over.

        A bundle of a model that exists becomes its draft. With `publish` it is in service at once; where that is
        refused, nothing is made. A dry run makes nothing, and shows what would be.
        """
        wanted = body_of(request, Import)
        if (wanted.bundle is None) == (wanted.schema is None):
            raise ValidationError(["Give either a bundle or a schema."], "either")
        with transaction.atomic():
            model, notes = _from_schema(request, wanted) if wanted.bundle is None else _from_bundle(request, wanted)
            answer = {**detail(model), "notes": notes}
            transaction.set_rollback(wanted.dry_run)
        return Response(answer, status=200 if wanted.dry_run else 201)


class Templates(V1View):
    """The templates."""

    needs: Needs = {"GET": VIEW_MODELS}

    @extend_schema(responses=listing_of(Template), operation_id="list_templates")
    def get(self, request: Request) -> Response:
        """List the templates that a model can be made of."""
        return everything([_template(template) for template in exchange.templates().values()])


class ModelFromTemplate(V1View):
    """Make a model of a template."""

    needs: Needs = {"POST": ADD_MODELS}

    @extend_schema(
        request=FromTemplateRequest,
        examples=[FROM_TEMPLATE],
        responses={201: ModelDetail},
        operation_id="create_from_template",
    )
    def post(self, request: Request) -> Response:
        """Make a model of a template, under another name and for other topics when they are given."""
        wanted = body_of(request, FromTemplate)
        template = template_of(wanted.template)
        changes = {key: text for key in ("name", "topic_filter") if (text := getattr(wanted, key))}
        with transaction.atomic():
            model = created(msgspec.structs.replace(template.spec, **changes), template.description)
            history.note(request, model, history.ADDED, f"created from the template {wanted.template}.")
            if wanted.publish:
                publish(request, model)
        return Response(detail(model), status=201)


def template_of(name: str) -> exchange.Template:
    """Return a template; raise NotFound with those there are."""
    known = exchange.templates()
    if name not in known:
        raise NotFound(f"There is no template {name!r}. There are: {', '.join(known)}.", "unknown_template")
    return known[name]


def _from_bundle(request: Request, wanted: Import) -> tuple[DataModel, list[str]]:
    existed = set(DataModel.objects.values_list("pk", flat=True))
    model = exchange.load_bundle(
        wanted.bundle,
        history.name_of(request),
        name=wanted.name,
        topic_filter=wanted.topic_filter,
        publish=wanted.publish,
    )
    act = history.CHANGED if model.pk in existed else history.ADDED
    history.note(request, model, act, f"imported from a bundle{' and published' if wanted.publish else ''}.")
    return model, []


def _from_schema(request: Request, wanted: Import) -> tuple[DataModel, list[str]]:
    read = exchange.read_schema(wanted.schema, wanted.name, wanted.topic_filter)
    model = created(read.spec, read.description)
    history.note(request, model, history.ADDED, "imported from a JSON Schema.")
    if wanted.publish:
        publish(request, model)
    return model, read.notes


def _template(template: exchange.Template) -> dict[str, Any]:
    return {
        "name": template.name,
        "title": template.title,
        "description": template.description,
        "spec": msgspec.to_builtins(template.spec),
    }
