"""What is known of stored readings: the newest of each device, what retention removed, what has to be rolled up."""

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
    """What retention removed: which model and level, the first day (UTC) of the partition, how many rows and bytes."""

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    level = models.CharField(max_length=3, db_default="raw", help_text="raw: readings; else rollups: 1m, 1h, 1d.")
    day = models.DateField()
    rows = models.BigIntegerField()
    bytes = models.BigIntegerField(db_default=0, help_text="On disk, indexes included.")
    removed_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "removed partition"
        verbose_name_plural = "retention"

    def __str__(self) -> str:
        return f"{self.model} {self.level} {self.day}: {self.rows}"


class RollupMark(models.Model):
    """Buckets of rollups that have to be computed again; see `validation.rollups.marks`."""

    model = models.BigIntegerField()
    level = models.SmallIntegerField(help_text="0: minutes, 1: hours, 2: days.")
    due = models.IntegerField(help_text="Minutes since 1970 from which they can be computed.")
    first = models.IntegerField(help_text="The earliest bucket, in minutes since 1970.")
    last = models.IntegerField(help_text="The latest bucket, in minutes since 1970.")
    pairs = models.BinaryField(help_text="Device and first minute of each, 8 bytes together.")

    class Meta:
        indexes = (models.Index(fields=("model", "level", "due"), name="mark_by_due"),)

    def __str__(self) -> str:
        return f"model {self.model} level {self.level}: {len(self.pairs) // 8}"


class RollupSpan(models.Model):
    """A stretch of time whose rollups have to be computed again; it shrinks from its end as that is done."""

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    device = models.ForeignKey(Device, on_delete=models.CASCADE, null=True, blank=True, help_text="Empty: all.")
    start = models.IntegerField(help_text="Minutes since 1970.")
    end = models.IntegerField(help_text="Minutes since 1970, not included.")
    began = models.IntegerField(help_text="What the end was at first.")

    def __str__(self) -> str:
        return f"{self.model} {self.start}-{self.end}"
