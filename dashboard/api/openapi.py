"""How the OpenAPI document describes our routes: what each one answers, and the one shape of all errors."""

from __future__ import annotations

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_standardized_errors.openapi import AutoSchema

from dashboard.serializers import Errors


class ApiSchema(AutoSchema):
    """Describe a route; whatever is not described in particular is an error in the one shape.

    The base class would list the codes of Django REST framework as the only ones; ours say more.
    """

    def _get_allowed_error_status_codes(self) -> list[str]:
        return ["default"]

    def _get_error_response_serializer(self, status_code: str) -> type[Errors]:
        return Errors


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]  # registers itself in drf-spectacular
    """How the document names the token."""

    target_class = "dashboard.api.base.Token"
    name = "token"
