"""What people define: data models, their fields and rules, and the versions that were published of them."""

from __future__ import annotations

from collections.abc import Iterable

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from ingest.topics import InvalidTopic, check_filter
from validation.spec import (
    FIELD_NAME,
    FIFTEEN_YEARS_S,
    MODEL_NAME,
    OWN_COLUMNS,
    TEN_MINUTES_S,
    FieldSpec,
    ModelSpec,
    Rule,
)

# Settings of a model that its specification has under the same name and as the same value.
PLAIN_SETTINGS = tuple(name for name in ModelSpec.__struct_fields__ if name not in ("fields", "any_of", "rules"))


class DataModel(models.Model):
    """What some devices send. Its saved state is a draft; what workers judge by are the versions made of it."""

    class DeviceSource(models.TextChoices):
        TOPIC = "topic", "a wildcard of the topic"
        PAYLOAD = "payload", "a path in the payload"

    class TimeSource(models.TextChoices):
        PAYLOAD = "payload", "a path in the payload"
        RECEIPT = "receipt", "the moment of receipt"

    class TimeUnit(models.TextChoices):
        SECONDS = "s", "seconds"
        MILLISECONDS = "ms", "milliseconds"
        MICROSECONDS = "us", "microseconds"
        NANOSECONDS = "ns", "nanoseconds"

    class Unknown(models.TextChoices):
        IGNORE = "ignore", "ignore"
        KEEP = "keep", "keep in the column extra"
        REJECT = "reject", "reject the reading"

    name = models.CharField(
        max_length=48,
        unique=True,
        validators=[RegexValidator(rf"\A{MODEL_NAME.pattern}\Z", "a-z, 0-9 and _ only; starts with a letter.")],
        help_text="Names the table (schema telemetry) and stands in addresses. It cannot be changed later.",
    )
    description = models.TextField(blank=True)
    topic_filter = models.CharField(
        max_length=255, help_text="Which MQTT topics this model is for: vehicles/+/telemetry"
    )
    device_source = models.CharField(
        "device comes from", max_length=8, choices=DeviceSource.choices, default=DeviceSource.TOPIC
    )
    device_level = models.PositiveSmallIntegerField("device wildcard", default=1, validators=[MinValueValidator(1)])
    device_key = models.CharField("device path", max_length=255, default="device_id", help_text="When in the payload.")
    time_source = models.CharField(
        "time comes from", max_length=8, choices=TimeSource.choices, default=TimeSource.PAYLOAD
    )
    time_key = models.CharField("time path", max_length=255, default="timestamp")
    time_unit = models.CharField("time unit", max_length=2, choices=TimeUnit.choices, default=TimeUnit.SECONDS)
    sequence_key = models.CharField("sequence path", max_length=255, default="seq", blank=True)
    unknown = models.CharField("unknown keys", max_length=6, choices=Unknown.choices, default=Unknown.IGNORE)
    retention_days = models.PositiveIntegerField("keep for (days)", null=True, blank=True)
    rollup_1m_days = models.PositiveIntegerField("keep minutes for (days)", null=True, blank=True)
    rollup_1h_days = models.PositiveIntegerField("keep hours for (days)", null=True, blank=True)
    rollup_1d_days = models.PositiveIntegerField("keep days for (days)", null=True, blank=True)
    past_s = models.FloatField("oldest (s)", default=FIFTEEN_YEARS_S, validators=[MinValueValidator(0)])
    ahead_s = models.FloatField("furthest ahead (s)", default=TEN_MINUTES_S, validators=[MinValueValidator(0)])
    register_devices = models.BooleanField("register unknown devices", default=True)
    published = models.BooleanField(
        "in service", default=True, help_text="Readings of a model that is not in service wait in quarantine."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a topic filter that is none."""
        try:
            check_filter(self.topic_filter)
        except InvalidTopic as fault:
            raise ValidationError({"topic_filter": str(fault)}) from fault

    def spec(
        self, fields: Iterable[FieldSpec] | None = None, any_of: Iterable[str] = (), rules: Iterable[Rule] | None = None
    ) -> ModelSpec:
        """Return what the saved rows say now, as a plain value; with other fields and rules when they are given."""
        if fields is None:
            rows = list(self.fields.order_by("position", "id"))
            fields, any_of = [row.spec() for row in rows], [row.name for row in rows if row.one_of]
        if rules is None:
            rules = [row.spec() for row in self.rules.order_by("position", "id")] if self.pk else []
        return ModelSpec(
            **{name: getattr(self, name) for name in PLAIN_SETTINGS},
            fields=tuple(fields),
            any_of=tuple(any_of),
            rules=tuple(rules),
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
        POINT = "point", "geographic point"

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE, related_name="fields")
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(
        max_length=63,
        validators=[RegexValidator(rf"\A{FIELD_NAME.pattern}\Z", "a-z, 0-9 and _ only; starts with a letter.")],
    )
    kind = models.CharField(max_length=9, choices=Kind.choices, default=Kind.NUMBER)
    path = models.CharField(max_length=255, blank=True, help_text="Where it stands, like gps.lat; empty: its name.")
    label = models.CharField(max_length=100, blank=True)
    description = models.CharField(max_length=500, blank=True)
    unit = models.CharField(max_length=30, blank=True, help_text="UCUM: km/h, Cel, %, deg, V")
    required = models.BooleanField(default=False)
    one_of = models.BooleanField("one of", default=False, help_text="At least one field so marked must be present.")
    minimum = models.FloatField(null=True, blank=True)
    maximum = models.FloatField(null=True, blank=True)
    choices = models.CharField(max_length=1000, blank=True, help_text="Comma-separated, for a choice.")
    max_length = models.PositiveIntegerField(null=True, blank=True, help_text="Characters, for a text.")
    pattern = models.CharField(max_length=200, blank=True, help_text="A regular expression, for a text.")

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
            path=self.path,
            label=self.label,
            description=self.description,
            unit=self.unit,
            required=self.required,
            minimum=self.minimum,
            maximum=self.maximum,
            choices=self.choice_list(),
            max_length=self.max_length,
            pattern=self.pattern,
        )


class ModelRule(models.Model):
    """A condition across the fields of a data model, in CEL."""

    model = models.ForeignKey(DataModel, on_delete=models.CASCADE, related_name="rules")
    position = models.PositiveSmallIntegerField(default=0)
    expression = models.CharField(max_length=500, help_text="CEL, true for a reading that passes: end > start")
    message = models.CharField(max_length=200, blank=True, help_text="What to say of a reading that breaks it.")

    class Meta:
        ordering = ("position", "id")
        verbose_name = "rule"

    def __str__(self) -> str:
        return self.expression

    def spec(self) -> Rule:
        """Return this row as a plain value."""
        return Rule(self.expression, self.message)


class ModelVersion(models.Model):
    """A published version: what the workers judge by. Never changed after it was made."""

    model = models.ForeignKey(DataModel, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    spec = models.JSONField()
    changes = models.JSONField(default=list, help_text="What became different from the version before, in words.")
    published_at = models.DateTimeField(auto_now_add=True)
    published_by = models.CharField(max_length=150, blank=True)
    locked_ms: float = 0.0  # for which its table was locked, from when it is published on; not kept

    class Meta:
        ordering = ("model", "-number")
        constraints = (models.UniqueConstraint(fields=("model", "number"), name="one_version_a_number"),)

    def __str__(self) -> str:
        return f"{self.model} v{self.number}"
