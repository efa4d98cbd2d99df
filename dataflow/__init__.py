"""The wiring: settings, addresses, the ASGI and Celery applications, the embedded services and `manage.py up`."""

from dataflow.celery import app as celery_app

__all__ = ("celery_app",)
