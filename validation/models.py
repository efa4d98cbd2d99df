"""What people define (data models), what is known of devices now (newest values), what was refused, and the ledger."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from ingest.models import Device
from ingest.topics import InvalidTopic, check_filter
from validation.spec import (
    FIELD_NAME,
    FIFTEEN_YEARS_S,
    MODEL_NAME,
    OWN_COLUMNS,
    TEN_MINUTES_S,
    FieldSpec,
    ModelSpec,
)


class DataModel(models.Model):
    """What some devices send. Its saved state is a draft until it is published as a version."""

    class DeviceSource(models.TextChoices):
        TOPIC = "topic", "the first wildcard of the topic"
        PAYLOAD = "payload", "a key of the payload"

    name = models.CharField(
        max_length=48,
        unique=True,
        validators=[RegexValidator(rf"\A{MODEL_NAME.pattern}\Z", "a-z, 0-9 and _ only; starts with a letter.")],
        help_text="Names the table (schema telemetry) and stands in addresses. It cannot be changed later.",
    )
    description = models.TextField(blank=True)
    topic_filter = models.CharField(
        max_length=255, unique=True, help_text="Which MQTT topics this model is for: vehicles/+/telemetry"
    )
    device_source = models.CharField(
        "device comes from", max_length=8, choices=DeviceSource.choices, default=DeviceSource.TOPIC
    )
    device_key = models.CharField("device key", max_length=63, default="device_id", help_text="When in the payload.")
    time_key = models.CharField("time key", max_length=63, default="timestamp")
    sequence_key = models.CharField("sequence key", max_length=63, default="seq", blank=True)
    require_any = models.BooleanField("at least one field must be present", default=False)
    past_s = models.FloatField("oldest (s)", default=FIFTEEN_YEARS_S, validators=[MinValueValidator(0)])
    ahead_s = models.FloatField("furthest ahead (s)", default=TEN_MINUTES_S, validators=[MinValueValidator(0)])
    register_devices = models.BooleanField("register unknown devices", default=True)
    published = models.BooleanField(
        default=True, help_text="Readings of a model that is not published wait in quarantine."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a topic filter that is none, or that names no device although the device comes from the topic."""
        try:
            check_filter(self.topic_filter)
        except InvalidTopic as fault:
            raise ValidationError({"topic_filter": str(fault)}) from fault
        if self.device_source == self.DeviceSource.TOPIC and "+" not in self.topic_filter.split("/"):
            raise ValidationError({"topic_filter": "Needs a + where the device stands, or take it from the payload."})

    def spec(self, fields: Iterable[FieldSpec] | None = None) -> ModelSpec:
        """Return what the saved rows say now, as a plain value; with other fields when they are given."""
        if fields is None:
            fields = [field.spec() for field in self.fields.order_by("position", "id")]
        return ModelSpec(
            name=self.name,
            topic_filter=self.topic_filter,
            device_source="payload" if self.device_source == self.DeviceSource.PAYLOAD else "topic",
            device_key=self.device_key,
            time_key=self.time_key,
            sequence_key=self.sequence_key,
            require_any=self.require_any,
            past_s=self.past_s,
            ahead_s=self.ahead_s,
            register_devices=self.register_devices,
            fields=tuple(fields),
        )


class Field(models.Model):
    """One field of a data model."""

    class Kind(models.TextChoices):
        NUMBER = "number"
        INTEGER = "integer"
        BOOLEAN = "boolean"
        TEXT = "text"
        CHOICE = "choice"
        TIMESTAMP = "timestamp"

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE, related_name="fields")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(
        max_length=63,
        validators=[RegexValidator(rf"\A{FIELD_NAME.pattern}\Z", "a-z, 0-9 and _ only; starts with a letter.")],
    )
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.NUMBER)
    label = models.CharField(max_length=100, blank=True)
    unit = models.CharField(max_length=30, blank=True, help_text="UCUM: km/h, Cel, %, deg, V")
    required = models.BooleanField(default=False)
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    choices = models.CharField(max_length=1000, blank=True, help_text="Comma-separated, for a choice.")
    max_length = models.PositiveIntegerField(null=True, blank=True, help_text="Characters, for a text.")

    class Meta:
        ordering = ("position", "id")
        constraints = (models.UniqueConstraint(fields=("model", "name"), name="one_field_a_name"),)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse limits that nothing can meet, a choice without choices, and a name that every table has."""
        if self.name in OWN_COLUMNS:
            raise ValidationError({"name": f"Every table has a column {self.name} already."})
        if self.minimum is not None and self.maximum is not None and self.minimum > self.maximum:
            raise ValidationError({"maximum": "Must not be below the minimum."})
        if self.kind == self.Kind.CHOICE and not self.choice_list():
            raise ValidationError({"choices": "Name at least one choice."})

    def choice_list(self) -> tuple[str, ...]:
        """Return the choices without surrounding white space, each once."""
        return tuple(dict.fromkeys(choice.strip() for choice in self.choices.split(",") if choice.strip()))

    def spec(self) -> FieldSpec:
        """Return this row as a plain value."""
        return FieldSpec(
            name=self.name,
            kind=self.Kind(self.kind).value,  # type: ignore[arg-type]  # the choices are those of Kind
            label=self.label,
            unit=self.unit,
            required=self.required,
            minimum=self.minimum,
            maximum=self.maximum,
            choices=self.choice_list(),
            max_length=self.max_length,
        )


class ModelVersion(models.Model):
    """A published version: what the workers judge by. Never changed after it was made."""

    model = models.ForeignKey(DataModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("model", "-number")
        constraints = (models.UniqueConstraint(fields=("model", "number"), name="one_version_a_number"),)

    def __str__(self) -> str:
        return f"{self.model} v{self.number}"


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


class Quarantined(models.Model):
    """A reading that did not pass, exactly as it came, with every reason."""

    received_at = models.DateTimeField(db_index=True)
    topic = models.TextField(help_text="Bytes that are not UTF-8 are written as \\xNN.")
    payload = models.BinaryField()
    device = models.CharField(max_length=64, blank=True, db_index=True)
    model = models.ForeignKey(DataModel, null=True, on_delete=models.SET_NULL)
    version = models.PositiveIntegerField(null=True)
    reasons = models.JSONField()
    buffer = models.CharField(max_length=12)
    entry = models.CharField(max_length=41)
    position = models.PositiveIntegerField(help_text="The message's place in its batch, from 0.")

    class Meta:
        ordering = ("-received_at", "-id")
        verbose_name = "quarantined reading"
        verbose_name_plural = "quarantine"

    def __str__(self) -> str:
        return f"{self.topic} at {self.received_at}"


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


class LedgerSettlement(models.Model):
    """The newest settlement of a buffer whose counts are in the minutes' sums; see `ledger.settle`."""

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
