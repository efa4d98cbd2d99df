"""The devices that are known, and who takes in what they send.

Nothing about what they measure: that is for the next room. All times about bridges are the database's: it is the one
clock that all of them can ask.
"""

from __future__ import annotations

import re

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

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

    tags = ArrayField(
        models.CharField(max_length=64),
        default=list,
        db_default=[],
        blank=True,
        size=20,
        help_text="Words to find and to group devices by, with commas between, 20 at most: north, hall-2",
    )

    class Meta:
        ordering = ("name",)
        permissions = (("publish", "Can publish readings through the site"),)

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Keep each tag once, in the order in which they are given; refuse what does not fit into an address."""
        wrong = [tag for tag in self.tags if not re.fullmatch(DEVICE_NAME, tag)]
        if wrong:
            # Not by a validator of the field: what that says of an item gets lost on the way to the page.
            raise ValidationError({"tags": f"{wrong[0]!r} is no tag: letters, digits and _ . : - only, 64 at most."})
        self.tags = list(dict.fromkeys(self.tags))


class BridgeProcess(models.Model):
    """A bridge that runs, or ran until not long ago: one process, from its start to its end."""

    id = models.CharField(max_length=32, primary_key=True, help_text="made up by the process when it starts")
    name = models.CharField(max_length=32)
    host = models.CharField(max_length=253)
    pid = models.IntegerField()
    machine = models.CharField(max_length=128, help_text="equal for processes that can see one another; may be empty")
    born = models.BigIntegerField(help_text="when the process was started, in the machine's own count")
    at_most = models.IntegerField(null=True, help_text="slots it may hold; empty for no limit")
    fit = models.BooleanField(default=True, help_text="it reaches the broker and a buffer")
    dropped = models.BigIntegerField(
        null=True, help_text="messages that its broker has dropped while it watched; empty when the broker does not say"
    )
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="without a sign of life until then it counts as dead")

    class Meta:
        verbose_name = "bridge"
        ordering = ("since", "id")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.name} on {self.host} (process {self.pid})"


class BridgeSlot(models.Model):
    """A session at the broker, and which bridge has leased it."""

    client_id = models.CharField(max_length=64, primary_key=True)
    number = models.IntegerField()
    bridge = models.ForeignKey(BridgeProcess, models.SET_NULL, null=True, related_name="slots")
    epoch = models.BigIntegerField(default=0, help_text="grows each time a bridge takes it")
    since = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True, help_text="until when it is leased, or was")
    connected_at = models.DateTimeField(null=True, help_text="when a bridge was connected with it for the last time")
    retiring = models.BooleanField(default=False, help_text="to be emptied and ended, because fewer are wanted now")

    class Meta:
        ordering = ("retiring", "number", "client_id")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.client_id


class Leader(models.Model):
    """Who does what must be done once, and the number that makes a former leader's writes void."""

    name = models.CharField(max_length=64, primary_key=True, help_text="of the matter that has a leader")
    epoch = models.BigIntegerField(default=1, help_text="grows with each change of the leader")
    holder = models.CharField(max_length=64)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.name}, epoch {self.epoch}"


class Buffer(models.Model):
    """A member of the ring, now or formerly: one server, known by the identity that it keeps with its data."""

    class State(models.TextChoices):
        """What is done with it."""

        ACTIVE = "active", "takes batches and is drained"
        DRAINING = "draining", "takes no batches and is drained"
        REMOVED = "removed", "has left the ring"
        LOST = "lost", "its data is gone and not written off yet"

    class Origin(models.TextChoices):
        """Where its address comes from."""

        SETTINGS = "settings", "BUFFER_URLS"
        ADDED = "added", "added by a person"

    identity = models.CharField(max_length=12, null=True, unique=True)  # noqa: DJ001  (not asked yet; unique otherwise)
    url = models.CharField(max_length=500, blank=True, help_text="may hold a password; empty when nobody knows it")
    origin = models.CharField(max_length=8, choices=Origin.choices, default=Origin.SETTINGS)
    state = models.CharField(max_length=8, choices=State.choices, default=State.ACTIVE)
    weight = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text="1 to 10: it gets so many batches where one of weight 1 gets one",
    )
    since = models.DateTimeField(default=timezone.now, help_text="when it came into this state")
    trouble = models.TextField(blank=True, help_text="why it does not answer; empty when it does")
    trouble_since = models.DateTimeField(null=True, help_text="when it stopped answering, or answered again")
    last_error = models.TextField(blank=True)
    seen = models.JSONField(null=True, help_text="what it had counted when it was last looked at")
    written_off_at = models.DateTimeField(null=True, help_text="when what it held was given up")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.identity or f"buffer {self.pk}, not asked yet"


class WrittenOff(models.Model):
    """What a lost buffer had taken, by minute, and nobody will judge any more."""

    buffer = models.CharField(max_length=12)
    minute = models.BigIntegerField(help_text="Minutes since 1970 at which the bridge wrote it.")
    uncounted = models.BigIntegerField(help_text="messages it had taken whose count died with it")
    lost = models.BigIntegerField(help_text="messages it had taken that were never judged")

    class Meta:
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=("buffer", "minute"), name="one_loss_a_buffer_and_minute"),)

    def __str__(self) -> str:
        return f"{self.buffer} {self.minute}: {self.lost}"
