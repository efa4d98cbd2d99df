"""The room `ingest`: let data in, lose nothing, judge nothing."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    """Let data in, lose nothing, judge nothing."""

    name = "ingest"
