"""The addresses of the site: its pages, then those for programs."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import include, path

from dashboard.views import AskPage, ExplorePage, FindingsPage, LivePage, SignIn

urlpatterns = [
    path("", LivePage.as_view(), name="live"),
    path("explore", ExplorePage.as_view(), name="explore"),
    path("ask", AskPage.as_view(), name="ask"),
    path("findings", FindingsPage.as_view(), name="findings"),
    path("login/", SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("", include("dashboard.urls_api")),
]
