"""The addresses for programs."""

from __future__ import annotations

from django.urls import include, path

from dashboard.api.devices import DeviceHistory, DeviceLatest, DeviceStatus
from dashboard.api.docs import Schema, docs
from dashboard.api.doors import Ingest, Publish
from dashboard.api.entries import Entries
from dashboard.api.health import Healthz, Readyz
from dashboard.api.login import AdminLogin
from dashboard.api.metrics import Metrics
from dashboard.api.questions import Ask
from dashboard.api.summary import AiSummary

urlpatterns = [
    path("api/devices/status", DeviceStatus.as_view(), name="device-status"),
    path("api/devices/<str:device>/latest", DeviceLatest.as_view(), name="device-latest"),
    path("api/devices/<str:device>/history", DeviceHistory.as_view(), name="device-history"),
    path("metrics", Metrics.as_view(), name="metrics"),
    path("ai/ask", Ask.as_view(), name="ai-ask"),
    path("mqtt/publish", Publish.as_view(), name="mqtt-publish"),
    path("bridge/ingest", Ingest.as_view(), name="bridge-ingest"),
    path("validate", Entries.as_view(), name="validate"),
    path("admin/login", AdminLogin.as_view(), name="admin-login"),
    path("healthz", Healthz.as_view(), name="healthz"),
    path("readyz", Readyz.as_view(), name="readyz"),
    path("ai/summary", AiSummary.as_view(), name="ai-summary"),
    path("api/v1/", include("dashboard.api.v1.urls")),
    path("api/schema", Schema.as_view(), name="schema"),
    path("api/docs", docs, name="docs"),
]
