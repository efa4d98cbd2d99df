"""The data models: their list, their drafts, their versions."""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import IntegrityError, transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.errors import Conflict
from dashboard.api.v1 import history
from dashboard.api.v1.base import (
    ADD_MODELS,
    CHANGE_MODELS,
    DELETE_MODELS,
    VIEW_MODELS,
    VIEW_VERSIONS,
    Needs,
    V1View,
    everything,
    page,
)
from dashboard.api.v1.bodies import query_of, spec_of
from dashboard.api.v1.listing import listed, overview
from dashboard.api.v1.names import model_of, version_of
from dashboard.serializers.common import listing_of
from dashboard.serializers.models import (
    Changes,
    Model,
    ModelDetail,
    NumberPage,
    Version,
    VersionDetail,
)
from dashboard.serializers.specification import SPECIFICATION, Draft
from validation import drafting
from validation.models import DataModel, ModelVersion
from validation.publishing import check, newest, pending
from validation.publishing import spec_of as said_by
from validation.spec import ModelSpec
from validation.uses import uses_of

HAS_VERSIONS = OpenApiResponse(description="It was published: stored readings need it. Withdraw it.")


class Models(V1View):
    """List and create models."""

    needs: Needs = {"GET": VIEW_MODELS, "POST": ADD_MODELS}

    @extend_schema(responses=listing_of(Model), operation_id="list_models")
    def get(self, request: Request) -> Response:
        """List the models with their newest version, what their drafts change, and how much passed lately."""
        return everything(overview())

    @extend_schema(request=Draft, examples=[SPECIFICATION], responses={201: ModelDetail}, operation_id="create_model")
    def post(self, request: Request) -> Response:
        """Create a model from its specification. It is a draft: readings are judged by it once it is published."""
        description, document = split(request.data)
        model = created(spec_of(document), description)
        history.note(request, model, history.ADDED, "created as a draft.")
        return Response(detail(model), status=201)


class OneModel(V1View):
    """A model and its draft."""

    needs: Needs = {"GET": VIEW_MODELS, "PUT": CHANGE_MODELS, "PATCH": CHANGE_MODELS, "DELETE": DELETE_MODELS}

    @extend_schema(responses=ModelDetail, operation_id="get_model")
    def get(self, request: Request, name: str) -> Response:
        """Give a model: its draft, what that changes against the newest version, and how much passed lately."""
        return Response(detail(model_of(name)))

    @extend_schema(request=Draft, examples=[SPECIFICATION], responses=ModelDetail, operation_id="replace_draft")
    def put(self, request: Request, name: str) -> Response:
        """Replace the draft by a whole specification. Takes effect when it is published."""
        model = model_of(name)
        description, document = split(request.data)
        return self._saved(request, model, spec_of(document), description)

    @extend_schema(request=Draft, responses=ModelDetail, operation_id="change_draft")
    def patch(self, request: Request, name: str) -> Response:
        """Replace some attributes of the draft; `fields` and `rules` are replaced as whole lists."""
        model = model_of(name)
        description, changes = split(request.data)
        if not isinstance(changes, dict):
            raise ValidationError(["Expected an object with the attributes to replace."], "invalid")
        return self._saved(request, model, spec_of({**msgspec.to_builtins(model.spec()), **changes}), description)

    @extend_schema(responses={204: None, 409: HAS_VERSIONS}, operation_id="delete_model")
    def delete(self, request: Request, name: str) -> Response:
        """Delete a model that was never published; one with versions gives stored readings their meaning and stays."""
        model = model_of(name)
        if model.versions.exists():
            raise Conflict(f"The model {name} was published: its readings need it. Withdraw it.", "has_versions")
        with transaction.atomic():
            history.note(request, model, history.DELETED, "deleted; it was never published.")
            model.delete()
        return Response(status=204)

    def _saved(self, request: Request, model: DataModel, spec: ModelSpec, description: str | None) -> Response:
        if spec.name != model.name:
            raise ValidationError({"name": [f"The name stays {model.name}: it is that of the table."]}, "name")
        check(spec)
        with transaction.atomic():
            drafting.replace(model, spec)
            if description is not None:
                DataModel.objects.filter(pk=model.pk).update(description=description)
                model.description = description
            history.note(request, model, history.CHANGED, "draft replaced.")
        return Response(detail(model))


class Versions(V1View):
    """The versions of a model."""

    needs: Needs = {"GET": VIEW_VERSIONS}

    @extend_schema(parameters=[NumberPage], responses=listing_of(Version), operation_id="list_versions")
    def get(self, request: Request, name: str) -> Response:
        """List the published versions, newest first, each with what it changed."""
        query = query_of(request, NumberPage)
        rows = model_of(name).versions.order_by("-number")
        if "before" in query:
            rows = rows.filter(number__lt=query["before"])
        limit = query["limit"]
        return page(list(rows.defer("spec")[: limit + 1]), limit, lambda row: row.number, shown_version)


class OneVersion(V1View):
    """A version of a model."""

    needs: Needs = {"GET": VIEW_VERSIONS}

    @extend_schema(responses=VersionDetail, operation_id="get_version")
    def get(self, request: Request, name: str, number: int) -> Response:
        """Give a published version with its specification. It never changes."""
        version = version_of(model_of(name), number)
        spec = msgspec.to_builtins(msgspec.convert(version.spec, ModelSpec))
        return Response({**shown_version(version), "spec": spec})


class DraftChanges(V1View):
    """What publishing a draft would change."""

    needs: Needs = {"GET": VIEW_MODELS}

    @extend_schema(responses=Changes, operation_id="get_changes")
    def get(self, request: Request, name: str) -> Response:
        """Say in words what the draft changes against the newest version, and who uses the fields about to go."""
        model = model_of(name)
        version, draft = newest(model), model.spec()
        before = said_by(version)
        kept = {field.name for field in draft.fields}
        going = [field.name for field in before.fields if field.name not in kept] if before else []
        return Response(
            {
                "version": version.number if version else None,
                "changes": pending(model),
                "going": going,
                "uses": [use._asdict() for use in uses_of(name, going)],
            }
        )


def split(body: Any) -> tuple[str | None, Any]:
    """Return the description beside a specification, and the rest; raise ValidationError when it is no text."""
    if not isinstance(body, dict):
        return None, body
    document = dict(body)
    description = document.pop("description", None)
    if description is not None and (not isinstance(description, str) or "\0" in description):
        raise ValidationError({"description": ["Expected a text without null characters."]}, "invalid")
    return description, document


def created(spec: ModelSpec, description: str | None = None) -> DataModel:
    """Save a new model; raise Conflict when its name is taken, and the refusal of `check` when it cannot be one."""
    check(spec)
    try:
        with transaction.atomic():
            return drafting.save(spec, description or "")
    except IntegrityError as error:
        if DataModel.objects.filter(name=spec.name).exists():
            raise Conflict(f"There is a model {spec.name} already. PUT replaces its draft.", "exists") from error
        raise


def detail(model: DataModel) -> dict[str, Any]:
    """Return all that is said of one model."""
    return {**listed(model), "draft": msgspec.to_builtins(model.spec())}


def shown_version(version: ModelVersion) -> dict[str, Any]:
    """Return what lists say of a version."""
    return {
        "number": version.number,
        "published_at": version.published_at,
        "published_by": version.published_by,
        "changes": version.changes,
    }
