"""The devices that are known. Nothing about what they measure: that is for the next room."""

from __future__ import annotations

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models

from ingest.names import DEVICE_NAME


class Device(models.Model):
    """A device, registered by a person or on first sight of one of its readings."""

    name = models.CharField(
        max_length=64,
        unique=True,
        validators=[RegexValidator(rf"\A{DEVICE_NAME}\Z", "Letters, digits and _ . : - only, 64 at most.")],
    )
    first_seen_at = models.DateTimeField(auto_now_add=True)
    expected_interval_s = models.FloatField(
        "expected interval (s)",
        null=True,
        blank=True,
        validators=[MinValueValidator(0.001)],
        help_text="Seconds between readings. Leave empty to let it be learned. A device is late after three of them "
        "without a reading and offline after ten.",
    )

    class Meta:
        ordering = ("name",)
        permissions = (("publish", "Can publish readings through the site"),)

    def __str__(self) -> str:
        return self.name
