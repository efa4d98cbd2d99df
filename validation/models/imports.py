"""Files that are read into the ring, and how far each is."""

from __future__ import annotations

from django.db import models


class Import(models.Model):
    """A file whose rows become messages; see `validation.imports`."""

    class State(models.TextChoices):
        RUNNING = "running"
        STOPPED = "stopped"
        DONE = "done"
        FAILED = "failed"

    model = models.CharField(max_length=48)
    form = models.CharField("format", max_length=7)
    name = models.CharField("file", max_length=200)
    size = models.BigIntegerField(default=0, help_text="Bytes of the file.")
    fingerprint = models.CharField(max_length=64, blank=True)
    path = models.TextField(blank=True, help_text="Where a command reads it; empty when it was uploaded.")
    settings = models.JSONField(default=dict, help_text="Which column is what, as far as that was said.")
    unread = models.JSONField(default=list, help_text="Columns that are not read.")
    dry_run = models.BooleanField(default=False)
    state = models.CharField(max_length=7, choices=State.choices, default=State.RUNNING)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=150, blank=True)
    updated_at = models.DateTimeField(auto_now=True)
    finished_at = models.DateTimeField(null=True)
    position = models.JSONField(default=dict, help_text="Where it goes on.")
    pending = models.JSONField(default=list, help_text="Envelopes that have no outcome yet.")
    sent = models.BigIntegerField(default=0, help_text="Messages; in a dry run, those that were judged.")
    stored = models.BigIntegerField(default=0, help_text="Readings; in a dry run, those that would pass.")
    duplicate = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0, help_text="Rows that no message could be made of.")
    outcome = models.JSONField(default=dict, help_text="What did not pass or was skipped, by reason, with samples.")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"import {self.pk}"

    @property
    def in_flight(self) -> int:
        """Return how many of the messages have no outcome yet."""
        return sum(envelope[3] for envelope in self.pending)  # as `validation.imports.pending.Sent` has them


class ImportPart(models.Model):
    """A part of an uploaded file, until its import is over."""

    run = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("run", "number"), name="one_part_a_number"),)

    def __str__(self) -> str:
        return f"part {self.number} of {self.run}"
