"""The API's own description, for programs and for people."""

from __future__ import annotations

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from drf_spectacular.renderers import OpenApiJsonRenderer, OpenApiJsonRenderer2, OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.permissions import IsAuthenticated

from dashboard.api.base import ApiView
from dashboard.api.openapi import ApiSchema


class Schema(SpectacularAPIView):
    """The OpenAPI document, as JSON or YAML."""

    authentication_classes = ApiView.authentication_classes
    permission_classes = (IsAuthenticated,)
    schema = ApiSchema()
    renderer_classes = [OpenApiJsonRenderer2, OpenApiJsonRenderer, OpenApiYamlRenderer]


class Docs(SpectacularSwaggerSplitView):
    """The same to read and to try out."""

    authentication_classes = ApiView.authentication_classes
    permission_classes = (IsAuthenticated,)
    url_name = "schema"


# Swagger UI sets styles in its markup; its scripts are files, so the policy for scripts stays as it is.
docs = login_required(csp_update({"style-src": [SELF, UNSAFE_INLINE]})(Docs.as_view()))
