"""All addresses. Those of the dashboard come first, because `/admin/login` without a slash is the API's."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

# Here and not while Django starts, because only the site needs the admin: it costs every process some 14 MB.
admin.autodiscover()

urlpatterns = [
    path("", include("dashboard.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "dashboard.api.errors.bad_request"
handler403 = "dashboard.api.errors.permission_denied"
handler404 = "dashboard.api.errors.not_found"
handler500 = "dashboard.api.errors.server_error"
