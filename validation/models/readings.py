"""What is known of the readings that are stored: the newest of each device, and the days that retention removed."""

from __future__ import annotations

from django.db import models

from ingest.models import Device
from validation.models.definitions import DataModel


class Latest(models.Model):
    """The newest reading of a device by event time, and how often it sends."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    ts = models.DateTimeField()
    seq = models.BigIntegerField()
    received_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(help_text="When anything that passed came last, however old its event time.")
    values = models.JSONField()
    interval_s = models.FloatField(null=True, help_text="Seconds between readings, learned from their event times.")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("device", "model"), name="one_latest_a_device_and_model"),)

    def __str__(self) -> str:
        return f"{self.device} at {self.ts}"


class Expired(models.Model):
    """A day of readings that retention removed: which model, which day (UTC), how many rows."""

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    day = models.DateField()
    rows = models.BigIntegerField()
    removed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.model} {self.day}: {self.rows}"
