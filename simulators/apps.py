"""The room `simulators` is a Django app only so that `manage.py simulate_devices` exists."""

from django.apps import AppConfig


class SimulatorsConfig(AppConfig):
    """The outside world: simulated devices."""

    name = "simulators"
