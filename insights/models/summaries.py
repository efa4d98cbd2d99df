"""Summaries that are made regularly: for which models and how often, and those that were made."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from validation.models import DataModel


class SummarySchedule(models.Model):
    """A summary of a model that is made once in every slot of an hour or a day (UTC), about that slot."""

    class Every(models.IntegerChoices):
        HOUR = 3_600, "hour"
        DAY = 86_400, "day"

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    every = models.IntegerField(choices=Every.choices, default=Every.DAY)
    tag = models.CharField(max_length=64, blank=True, help_text="Only devices with this tag. Empty: all.")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("model__name", "every", "tag")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("model", "every", "tag"), name="one_schedule_a_model_rhythm_and_tag")
        ]

    def __str__(self) -> str:
        """Return what it makes."""
        whose = f" with the tag {self.tag}" if self.tag else ""
        return f"{self.model}{whose}, every {self.get_every_display()}"


class StoredSummary(models.Model):
    """A summary as it was made, with its facts; the number of its slot keeps it from being made twice."""

    schedule = models.ForeignKey(SummarySchedule, null=True, on_delete=models.SET_NULL)
    slot = models.BigIntegerField(help_text="How many slots of the schedule have passed since 1970 when it ended.")
    model = models.ForeignKey(DataModel, on_delete=models.CASCADE)
    tag = models.CharField(max_length=64, blank=True)
    start = models.DateTimeField()
    end = models.DateTimeField()
    text = models.TextField()
    facts = models.JSONField(default=list)
    readings = models.BigIntegerField(default=0)
    engine = models.CharField(max_length=40)
    generated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ("-end", "-id")
        verbose_name = "summary"
        verbose_name_plural = "summaries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("schedule", "slot"), name="one_summary_a_schedule_and_slot")
        ]

    def __str__(self) -> str:
        """Return what it is about."""
        return f"{self.model}, {self.start:%Y-%m-%d %H:%M} – {self.end:%H:%M}"
