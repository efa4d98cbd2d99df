"""Forms of the ring's page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from django import forms

from ingest.buffers import LEAST_WEIGHT, MOST_WEIGHT
from ingest.ring import without_password


class WeightForm(forms.Form):
    """How often a buffer is used."""

    weight = forms.IntegerField(
        min_value=LEAST_WEIGHT,
        max_value=MOST_WEIGHT,
        initial=1,
        help_text="1 to 10: it gets so many batches where one of weight 1 gets one.",
    )


class AddForm(WeightForm):
    """A server for the ring. Its password is taken and never shown again."""

    address = forms.CharField(
        max_length=400,
        widget=forms.TextInput(
            attrs={"class": "vTextField", "placeholder": "redis://host:6379/0", "autocomplete": "off"}
        ),
        help_text="A Redis or Valkey server of its own: append-only file on, maxmemory set, nothing evicted.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"class": "vTextField", "autocomplete": "new-password"}),
        help_text="Empty for none.",
    )
    field_order = ("address", "password", "weight")

    def url(self) -> str:
        """Return the address with its password."""
        address, password = str(self.cleaned_data["address"]).strip(), self.cleaned_data["password"]
        parts = urlsplit(address)
        if not password or parts.scheme == "unix":
            return address
        user, _, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}:{quote(password, safe='')}@{host}"))

    def without_secrets(self) -> dict[str, Any]:
        """Return what may be shown again after a refusal."""
        try:
            address = without_password(self.data.get("address", ""))
        except ValueError:
            address = ""
        return {"address": "" if address == "://" else address, "weight": self.data.get("weight", 1)}
