"""The form of a data model's draft: what could never be published is refused beside where it was written."""

from __future__ import annotations

from django.forms import ModelForm, Textarea

from validation.forms.faults import faults_of_settings, placed
from validation.forms.numbers import PlainNumber
from validation.models import DataModel

# In the order in which a fault that two of them share is given to the later one.
PLACES = (
    "name",
    "topic_filter",
    "device_level",
    "time_key",
    "time_unit",
    "device_key",
    "sequence_key",
    "past_s",
    "ahead_s",
    "retention_days",
    "rollup_1m_days",
    "rollup_1h_days",
    "rollup_1d_days",
)


class DataModelForm(ModelForm[DataModel]):
    """What a model says of its messages as a whole."""

    class Meta:
        model = DataModel
        fields = (
            "name",
            "description",
            "topic_filter",
            "published",
            "device_source",
            "device_level",
            "device_key",
            "time_source",
            "time_key",
            "time_unit",
            "sequence_key",
            "unknown",
            "past_s",
            "ahead_s",
            "retention_days",
            "rollup_1m_days",
            "rollup_1h_days",
            "rollup_1d_days",
            "register_devices",
        )
        widgets = {"description": Textarea(attrs={"rows": 2, "cols": 80})}
        labels = {"device_level": "Which wildcard", "register_devices": "Register unknown devices"}
        field_classes = {"past_s": PlainNumber, "ahead_s": PlainNumber}
        help_texts = {
            "description": "For people. It is no part of a version: a change of it takes effect when it is saved.",
            "topic_filter": (
                "Which MQTT topics this model is for. + stands for one level, # at the end for all that follow: "
                "vehicles/+/telemetry takes vehicles/vehicle_01/telemetry."
            ),
            "published": ("Out of service, its readings wait in quarantine. This takes effect when it is saved."),
            "device_level": "Which + of the topic filter stands for the device: 1 is the first.",
            "device_key": "Where the payload names the device, when the topic does not: device_id, or meta.device.",
            "time_source": "The moment of receipt is for devices without a clock: what had to wait gets a late time.",
            "time_key": "Where the payload says when it was measured, like timestamp or meta.time.",
            "time_unit": "What a time that is a number counts, from 1970 on. A time that is a text is ISO 8601.",
            "sequence_key": (
                "Where the payload counts readings of one moment apart. Two readings of a device with the same time "
                "and number are one. Leave it empty when devices send none."
            ),
            "unknown": "What becomes of keys that no field of the model names.",
            "past_s": "Refuse readings older than this many seconds. A day has 86,400, a year 31,557,600.",
            "ahead_s": "Refuse readings whose time lies further in the future than this many seconds.",
            "retention_days": "Remove readings this many days after their event time. Empty: keep them for good.",
            "rollup_1m_days": "The same for what each minute came to. It may be kept for longer than the readings.",
            "rollup_1h_days": "The same for each hour.",
            "rollup_1d_days": "The same for each day (UTC).",
            "register_devices": "Otherwise readings of a device that is not in the list of devices wait in quarantine.",
        }

    def full_clean(self) -> None:
        """Add what the specification finds wrong with the settings, each fault beside its own."""
        super().full_clean()
        if not self.is_bound or self.errors:
            return
        for place, faults in placed(self.instance.spec((), rules=()), PLACES, faults_of_settings).items():
            for fault in faults:
                self.add_error(place if place in self.fields else None, fault)
