"""What is kept of watching: how far each device was looked at, what was found, and what people said of it."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from ingest.models import Device
from insights.detection.verdict import Kind
from validation.models import DataModel

LONGEST_FIELD = 63  # characters of a field's name, as PostgreSQL has it


class Finding(models.Model):
    """Something odd about a device: one event, with its oddest reading, the peak.

    Of a device that fell silent `field` is empty, `low` is when its next reading was due and `value` how many seconds
    it takes between readings. What is open may yet go on.
    """

    class By(models.TextChoices):
        SERIES = "series", "its own past"
        SILENCE = "silence", "silence"
        PEERS = "peers", "other devices"

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    field = models.CharField(max_length=LONGEST_FIELD, blank=True)
    by = models.CharField(max_length=8, choices=By.choices, default=By.SERIES, help_text="What it was compared with.")
    kind = models.CharField(max_length=16, choices=[(kind.value, kind.value) for kind in Kind])
    start = models.DateTimeField()
    end = models.DateTimeField()
    at = models.DateTimeField(help_text="When it was oddest.")
    value = models.FloatField(help_text="What it was then.")
    low = models.FloatField()
    high = models.FloatField()
    hourly = models.BooleanField(default=False, help_text="Low and high are those of this hour of the day.")
    score = models.FloatField(help_text="How sure, from 0.5 to 1.")
    readings = models.IntegerField(default=1, help_text="How many readings were odd.")
    open = models.BooleanField(default=True)
    found_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-start", "-id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("device", "model", "field", "by", "start"), name="one_finding_a_start"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("-start", "-id"), name="finding_by_time"),
            models.Index(fields=("model", "by"), condition=models.Q(open=True), name="finding_open"),
        ]

    def __str__(self) -> str:
        """Return what, of whom and when."""
        return f"{self.kind} of {self.device} {self.field}, {self.start:%Y-%m-%d %H:%M:%S}"


class Feedback(models.Model):
    """What a person said of a finding; all of a series together make how sensitive its detector is."""

    class Said(models.TextChoices):
        REAL = "real", "real"
        NOT_REAL = "not_real", "not real"
        EXPECTED = "expected", "expected"

    finding = models.OneToOneField(Finding, null=True, on_delete=models.SET_NULL, related_name="feedback")
    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    field = models.CharField(max_length=LONGEST_FIELD, blank=True)
    verdict = models.CharField(max_length=8, choices=Said.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "feedback"

    def __str__(self) -> str:
        """Return what was said of what."""
        return f"{self.verdict}: {self.device} {self.field}"


class SeriesState(models.Model):
    """How far the readings of a device were looked at, and all that its detectors know; every field in one value."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    first = models.DateTimeField(help_text="The event time at which watching began.")
    ts = models.DateTimeField(help_text="The event time of the last reading that was looked at.")
    seq = models.BigIntegerField()
    readings = models.BigIntegerField(help_text="How many were looked at.")
    learning_until = models.DateTimeField(
        null=True, help_text="Until then only what is unmistakable is found. Empty: all is learned."
    )
    state = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("model", "device"), name="one_state_a_device_and_model"),
        ]

    def __str__(self) -> str:
        """Return whose it is and how far it goes."""
        return f"{self.model} {self.device}, until {self.ts}"


class WatchCount(models.Model):
    """What the watcher has done, in one row: sums since the beginning, and how far behind it is."""

    at = models.DateTimeField(help_text="When this was written.")
    readings = models.BigIntegerField(default=0, help_text="Looked at.")
    values = models.BigIntegerField(default=0, help_text="Of fields, judged.")
    findings = models.BigIntegerField(default=0, help_text="Begun.")
    skipped = models.BigIntegerField(
        default=0, help_text="Times that a device was so far behind that some was left out."
    )
    suppressed = models.BigIntegerField(default=0, help_text="Findings beyond what one series may make in a day.")
    behind_s = models.FloatField(default=0.0, help_text="Seconds by which the device that waits longest is behind.")

    def __str__(self) -> str:
        """Return how far it is."""
        return f"{self.readings} readings, {self.behind_s:.0f} s behind"
