"""Somebody at the admin, for tests: pages are fetched, forms filled in and sent, as a browser would."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from validation.models import DataModel

SCRIPT = "<script>alert(1)</script>"
SHOWN_SCRIPT = "&lt;script&gt;alert(1)"
Values = Mapping[str, object]  # of a form, by name
NOTHING: Values = {}
Page = Any  # a response of the test client, with the page's context


class Person:
    """Somebody who may do everything, or what is listed: permissions of this room such as `view_datamodel`."""

    def __init__(self, name: str = "alice", permissions: tuple[str, ...] | None = None) -> None:
        users = get_user_model().objects
        self.user = users.create_user(name, is_staff=True, is_superuser=permissions is None)
        if permissions:
            self.user.user_permissions.set(
                Permission.objects.filter(codename__in=permissions, content_type__app_label="validation")
            )
        self.client = Client()
        self.client.force_login(self.user)
        self._open: dict[str, tuple[Any, dict[str, object]]] = {}

    def get(self, page: str, *args: object, **query: str) -> Page:
        """Open a page of this room by the name of its address."""
        return self.client.get(reverse(f"admin:validation_{page}", args=args), query)

    def post(self, page: str, *args: object, **values: object) -> Page:
        """Send a form to a page, and go where it leads."""
        return self.client.post(reverse(f"admin:validation_{page}", args=args), values, follow=True)

    def change(self, model: DataModel, new_field: Values = NOTHING, changes: Values = NOTHING) -> Page:
        """Open a model, add a field, change what else there is, and save the draft."""
        return self._send(reverse("admin:validation_datamodel_change", args=[model.pk]), new_field, changes)

    def publish(self, model: DataModel, new_field: Values = NOTHING, changes: Values = NOTHING) -> Page:
        """Do the same with the button that publishes as well."""
        return self.change(model, new_field, {**changes, "_publish": "Save and publish"})

    def add(self, new_field: Values, values: Values) -> Page:
        """Write the draft of a new model with one field, and save it."""
        return self._send(reverse("admin:validation_datamodel_add"), new_field, values)

    def history(self) -> list[str]:
        """Return what the admin's history says this person did, oldest first."""
        entries = LogEntry.objects.filter(user=self.user).order_by("pk")
        return [entry.get_change_message() for entry in entries]

    def _send(self, address: str, new_field: Values, changes: Values) -> Page:
        # After a refusal the same form is still open.
        formset, data = self._open.pop(address) if address in self._open else self._fetch(address)
        blank = formset.extra_forms[0].prefix
        sent = data | {f"{blank}-{name}": value for name, value in new_field.items()}
        sent.update(changes)
        ticked = {name: value for name, value in sent.items() if value is not False}
        page = self.client.post(address, ticked, follow=True)
        if not page.redirect_chain:
            self._open[address] = formset, data
        return page

    def _fetch(self, address: str) -> tuple[Any, dict[str, object]]:
        page = self.client.get(address)
        formsets = [inline.formset for inline in page.context["inline_admin_formsets"]]
        forms = [page.context["adminform"].form]
        for formset in formsets:
            forms += [formset.management_form, *formset.forms]
        return formsets[0], {name: value for form in forms for name, value in written(form).items()}


def written(form: Any) -> dict[str, object]:
    """Return what a form says when nobody touches it; a box that is not ticked says nothing."""
    values = {field.html_name: field.value() for field in form}
    return {name: "" if value is None else value for name, value in values.items()}


def messages(page: Page) -> str:
    """Return what a page tells about the act that led to it, names without their markup."""
    told = " ".join(str(message) for message in page.context["messages"])
    return told.replace("<code>", "`").replace("</code>", "`")


def text(page: Page) -> str:
    """Return the HTML of a page."""
    return str(page.content.decode())


def errors_of(page: Page, inline: int = 0) -> dict[str, str]:
    """Return what is written beside the settings of a model's fields (or rules), and under "all" what is above them."""
    formset = page.context["inline_admin_formsets"][inline].formset
    found = {place: " ".join(words) for errors in formset.errors for place, words in errors.items()}
    return found | ({"all": " ".join(formset.non_form_errors())} if formset.non_form_errors() else {})
