"""The room `dashboard`: show."""

from django.apps import AppConfig

from validation import uses


class DashboardConfig(AppConfig):
    """Show."""

    name = "dashboard"

    def ready(self) -> None:
        """Answer, from now on, which charts use a field."""
        from dashboard.uses import charts  # noqa: PLC0415  (models can be asked only once all apps are there)

        uses.register(charts)
