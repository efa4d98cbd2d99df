"""The room `dashboard`: show."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    """Show."""

    name = "dashboard"
