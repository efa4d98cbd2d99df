"""The forms that ask what a draft would do: to one payload, and to what came lately."""

from __future__ import annotations

from django import forms

from validation.trial import MOST

FEWEST = 100  # messages: fewer say little, and cost no less
LONGEST_TOPIC = 65_535  # bytes, as MQTT allows
LONGEST_PAYLOAD = 262_144  # bytes; what is pasted is read by a person


class TryForm(forms.Form):
    """A payload to judge by a draft. One that is no text comes as `payload_hex`, from a page that shows it."""

    topic = forms.CharField(
        max_length=LONGEST_TOPIC, strip=False, widget=forms.TextInput(attrs={"size": 60, "spellcheck": "false"})
    )
    payload = forms.CharField(
        required=False,
        strip=False,
        max_length=LONGEST_PAYLOAD,
        widget=forms.Textarea(attrs={"rows": 8, "cols": 80, "spellcheck": "false"}),
    )
    payload_hex = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_payload_hex(self) -> bytes:
        """Return the bytes that the digits stand for."""
        try:
            return bytes.fromhex(self.cleaned_data["payload_hex"])
        except ValueError as fault:
            raise forms.ValidationError("This is no hexadecimal text.") from fault

    def as_sent(self) -> bytes:
        """Return the payload as a device would send it."""
        raw: bytes = self.cleaned_data.get("payload_hex") or b""
        return raw or self.cleaned_data["payload"].encode()


class TrialForm(forms.Form):
    """How many of the newest messages to judge by a draft."""

    trial = forms.IntegerField(
        label="Newest messages",
        min_value=FEWEST,
        max_value=MOST,
        initial=MOST,
        widget=forms.NumberInput(attrs={"min": FEWEST, "max": MOST, "step": FEWEST}),
    )
