"""The room `insights`: notice, explain, act."""

from django.apps import AppConfig


class InsightsConfig(AppConfig):
    """Notice, explain, act."""

    name = "insights"
