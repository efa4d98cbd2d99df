"""What was refused, what left quarantine unstored, and the runs that judge it again."""

from __future__ import annotations

from django.db import models

from validation.models.definitions import DataModel


class Quarantined(models.Model):
    """A reading that did not pass, exactly as it came, with every reason."""

    received_at = models.DateTimeField(db_index=True)
    topic = models.TextField(help_text="Bytes that are not UTF-8 are written as \\xNN.")
    payload = models.BinaryField()
    device = models.CharField(max_length=64, blank=True, db_index=True)
    model = models.ForeignKey(DataModel, null=True, on_delete=models.SET_NULL)
    version = models.PositiveIntegerField(null=True)
    reasons = models.JSONField()
    code = models.CharField(max_length=40, default="", help_text="Of the first reason.")
    place = models.CharField(max_length=200, blank=True, help_text="Where the first reason points: a JSON pointer.")
    minute = models.BigIntegerField(default=0, help_text="Minutes since 1970 at which the bridge wrote its batch.")
    buffer = models.CharField(max_length=12)
    entry = models.CharField(max_length=41)
    position = models.PositiveIntegerField(help_text="The message's place in its batch, from 0.")

    class Meta:
        ordering = ("-received_at", "-id")
        verbose_name = "quarantined reading"
        verbose_name_plural = "quarantine"
        indexes = (models.Index(fields=("model", "code", "place", "id"), name="quarantine_group"),)
        permissions = (
            ("replay", "Can replay quarantined readings"),
            ("discard", "Can discard quarantined readings"),
        )

    def __str__(self) -> str:
        return f"{self.topic} at {self.received_at}"


class QuarantineLoss(models.Model):
    """How many readings left quarantine without being stored, by day, model and cause; no model: topics of none."""

    class Cause(models.TextChoices):
        AGE = "age", "older than quarantine keeps"
        SIZE = "size", "quarantine was full"
        DEVICE = "device", "too many of one device"
        DISCARDED = "discarded", "discarded by a person"

    day = models.DateField()
    model = models.ForeignKey(DataModel, null=True, on_delete=models.CASCADE)
    cause = models.CharField(max_length=9, choices=Cause.choices)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("day", "model", "cause"), name="one_loss_a_day_model_and_cause", nulls_distinct=False
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.model} {self.cause}: {self.count}"


class Replay(models.Model):
    """A run over selected quarantined readings that judges them again; see `validation.replay`."""

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"
        FAILED = "failed"

    selection = models.JSONField()
    dry_run = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True)
    cursor = models.BigIntegerField(default=0, help_text="The newest record that was looked at.")
    last = models.BigIntegerField(default=0, help_text="The newest record when the run began.")
    total = models.BigIntegerField(default=0, help_text="Records that were selected when the run began.")
    examined = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0, help_text="Readings; in a dry run, those that would pass.")
    duplicate = models.BigIntegerField(default=0)
    failing = models.BigIntegerField(default=0)
    outcome = models.JSONField(default=dict, help_text="What still fails, by reason, with a sample of each.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"replay {self.pk}"
