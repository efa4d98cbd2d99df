"""What the wiring remembers in the database."""

from __future__ import annotations

from django.db import models


class Restoration(models.Model):
    """The database came out of a backup; `dataflow.lib.restorations` reads and writes this."""

    at = models.DateTimeField(help_text="When it was restored.")
    made = models.DateTimeField(help_text="The moment that the backup holds.")
    seal = models.CharField(max_length=64, help_text="The SHA-256 that seals the backup.")
    buffers = models.TextField(help_text="What became of the buffers in between, in words.")

    class Meta:
        # Nobody changes it by hand, so there is nothing to permit.
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} from {self.made:%Y-%m-%d %H:%M}"


class ScheduledJob(models.Model):
    """The newest slot of a job that was taken, and by which scheduler; `dataflow.scheduler` writes this."""

    name = models.CharField(max_length=100, primary_key=True)
    every_s = models.FloatField(help_text="Seconds of a slot.")
    slot = models.BigIntegerField(help_text="Slots since 1970.")
    holder = models.CharField(max_length=300, help_text="The scheduler that took it.")
    taken_at = models.DateTimeField()

    class Meta:
        ordering = ("name",)
        default_permissions = ("view",)
        verbose_name_plural = "workers and schedule"

    def __str__(self) -> str:
        return self.name
