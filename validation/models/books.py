"""The ledger: what became of every reading, by stream entry, by minute, by model, and by device."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from ingest.models import Device


class LedgerEntry(models.Model):
    """What became of one stream entry. Its key makes a second judgement of the same entry change nothing."""

    buffer = models.CharField(max_length=12)
    entry_ms = models.BigIntegerField()
    entry_seq = models.BigIntegerField()
    minute = models.BigIntegerField(help_text="Minutes since 1970 at which the bridge wrote it.")
    messages = models.IntegerField()
    readings = models.IntegerField(help_text="At least one a message; an array is many.")
    stored = models.IntegerField()
    duplicate = models.IntegerField()
    quarantined = models.IntegerField()
    verdicts = models.JSONField(
        default=list, help_text="By model: [[model id or 0, version, stored, duplicate, quarantined], …]"
    )
    judged_at = models.DateTimeField(db_default=Now(), help_text="When its outcome was written.")
    trail = models.BinaryField(db_default=b"", help_text="Who received it and when, as `validation.trails` packs it.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("buffer", "entry_ms", "entry_seq"), name="one_outcome_an_entry"),
            models.CheckConstraint(
                condition=models.Q(readings=models.F("stored") + models.F("duplicate") + models.F("quarantined")),
                name="every_reading_has_one_outcome",
            ),
        )

    def __str__(self) -> str:
        return f"{self.buffer} {self.entry_ms}-{self.entry_seq}"


class LedgerMinute(models.Model):
    """The settled books of one buffer and minute."""

    buffer = models.CharField(max_length=12)
    minute = models.BigIntegerField()
    received = models.BigIntegerField(default=0, help_text="Messages, as the buffer counted them.")
    messages = models.BigIntegerField(default=0)
    readings = models.BigIntegerField(default=0)
    stored = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("buffer", "minute"), name="one_sum_a_buffer_and_minute"),)

    def __str__(self) -> str:
        return f"{self.buffer} {self.minute}"


class LedgerVerdict(models.Model):
    """The settled books of one model's version and minute, from the verdicts of the entries; model 0: of none."""

    minute = models.BigIntegerField()
    model = models.BigIntegerField()
    version = models.IntegerField()
    stored = models.BigIntegerField(default=0)
    duplicate = models.BigIntegerField(default=0)
    quarantined = models.BigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("minute", "model", "version"), name="one_verdict_a_minute_and_version"),
        )

    def __str__(self) -> str:
        return f"{self.minute} model {self.model} v{self.version}"


class LedgerTrail(models.Model):
    """What is left of the entries of a settled minute, to trace readings by; `validation.trails` packs it."""

    buffer = models.CharField(max_length=12)
    minute = models.BigIntegerField(db_index=True)
    entries = models.BinaryField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("buffer", "minute"), name="one_trail_a_buffer_and_minute"),)

    def __str__(self) -> str:
        return f"{self.buffer} {self.minute}"


class ReadingNote(models.Model):
    """Readings of a model that came again, or that a replay stored: as many as one transaction found, packed."""

    class Kind(models.TextChoices):
        REPEAT = "repeat", "came again and was not stored twice"
        REPLAY = "replay", "was stored by a replay"

    at = models.DateTimeField(db_default=Now(), db_index=True)
    kind = models.CharField(max_length=6, choices=Kind.choices)
    model = models.BigIntegerField()
    replay = models.BigIntegerField(null=True)
    first = models.BigIntegerField(help_text="The earliest event time, in microseconds since 1970.")
    last = models.BigIntegerField(help_text="The latest event time, in microseconds since 1970.")
    readings = models.BinaryField(help_text="Device, event time, sequence and receipt of each; see `validation.notes`.")

    class Meta:
        indexes = (models.Index(fields=("model", "last", "first"), name="note_by_time"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.at}"


class BookCheck(models.Model):
    """What a look at the books found; one is made every minute, see `validation.bookkeeping`."""

    at = models.DateTimeField(db_default=Now(), db_index=True)
    since = models.BigIntegerField(default=0, help_text="Minutes since 1970 from which the books count.")
    balanced = models.BooleanField(null=True, help_text="Empty when it could not be found out.")
    missing = models.BigIntegerField(default=0, help_text="Received and nowhere; negative: more came out than went in.")
    totals = models.JSONField(default=dict)
    complaints = models.JSONField(default=list)
    seconds = models.FloatField(default=0, help_text="How long the look took.")

    class Meta:
        ordering = ("-id",)
        verbose_name = "check of the books"
        verbose_name_plural = "books"

    def __str__(self) -> str:
        return f"{self.at}: {self.balanced}"


class LedgerSettlement(models.Model):
    """The newest settlement of a buffer whose counts are in the minutes' sums; see `validation.settling`."""

    buffer = models.CharField(max_length=12, unique=True)
    number = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.buffer} {self.number}"


class Duplicate(models.Model):
    """How many readings of a device came again and were not stored twice, by minute of receipt."""

    device = models.ForeignKey(Device, on_delete=models.CASCADE)
    minute = models.BigIntegerField()
    count = models.BigIntegerField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("device", "minute"), name="one_count_a_device_and_minute"),)

    def __str__(self) -> str:
        return f"{self.device} {self.minute}"
