"""Publish a draft, take models out of service and back, and make a draft of an older version."""

from __future__ import annotations

from django.db import transaction
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.v1 import history
from dashboard.api.v1.base import CHANGE_MODELS, Needs, V1View
from dashboard.api.v1.bodies import body_of
from dashboard.api.v1.models import detail
from dashboard.api.v1.names import model_of, version_of
from dashboard.api.v1.requests import Nothing, RevertTo
from dashboard.serializers.models import ModelDetail, Revert
from validation import publishing
from validation.models import DataModel, ModelVersion

BUSY = OpenApiResponse(description="Readers or writers left the table no gap for 20 s; nothing has changed, try again.")


class PublishDraft(V1View):
    """Publish a draft."""

    needs: Needs = {"POST": CHANGE_MODELS}

    @extend_schema(request=None, responses={200: ModelDetail, 503: BUSY}, operation_id="publish_model")
    def post(self, request: Request, name: str) -> Response:
        """Make the draft the newest version; workers judge by it within 2 s. Changes nothing when it says the same."""
        body_of(request, Nothing)
        model = model_of(name)
        publish(request, model)
        return Response(detail(model))


class Withdraw(V1View):
    """Take a model out of service."""

    needs: Needs = {"POST": CHANGE_MODELS}

    @extend_schema(request=None, responses=ModelDetail, operation_id="withdraw_model")
    def post(self, request: Request, name: str) -> Response:
        """Take a model out of service: from now on its readings wait in quarantine."""
        body_of(request, Nothing)
        model = model_of(name)
        with transaction.atomic():
            publishing.withdraw(model)
            history.note(request, model, history.CHANGED, "taken out of service.")
        return Response(detail(model))


class ResumeModel(V1View):
    """Take a model into service again."""

    needs: Needs = {"POST": CHANGE_MODELS}

    @extend_schema(request=None, responses=ModelDetail, operation_id="resume_model")
    def post(self, request: Request, name: str) -> Response:
        """Take a model into service again, by its newest version. Refused while another model has its topics."""
        body_of(request, Nothing)
        model = model_of(name)
        with transaction.atomic():
            publishing.resume(model)
            history.note(request, model, history.CHANGED, "taken into service again.")
        return Response(detail(model))


class RevertDraft(V1View):
    """Make the draft what a version says."""

    needs: Needs = {"POST": CHANGE_MODELS}

    @extend_schema(request=Revert, responses=ModelDetail, operation_id="revert_model")
    def post(self, request: Request, name: str) -> Response:
        """Make the draft what an older version says. It takes effect when it is published, as a version of its own."""
        wanted = body_of(request, RevertTo)
        model = model_of(name)
        version_of(model, wanted.version)
        with transaction.atomic():
            publishing.revert(model, wanted.version)
            history.note(request, model, history.CHANGED, f"draft reverted to version {wanted.version}.")
        return Response(detail(model_of(name)))


def publish(request: Request, model: DataModel) -> ModelVersion:
    """Publish the draft of a model and note it; raises what `validation.publishing.publish` does."""
    before = publishing.newest(model)
    version = publishing.publish(model, by=history.name_of(request))
    if before is None or before.number != version.number:
        history.note(request, model, history.CHANGED, f"version {version.number} published.")
    return version
