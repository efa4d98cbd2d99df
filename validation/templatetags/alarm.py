"""The banner that stands on every page while the books do not balance."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from validation import bookkeeping
from validation.templatetags.telling import ago

register = template.Library()


@register.simple_tag(takes_context=True)
def books_alarm(context: dict[str, Any], classes: str) -> SafeString | str:
    """Return the banner for somebody who may see the books, with these classes; nothing while they balance."""
    user = getattr(context.get("request"), "user", None)
    if user is None or not user.has_perm("validation.view_ledgerminute"):
        return ""
    state = bookkeeping.state()
    if not state.is_alarm or state.check is None:
        return ""
    link = ""
    if user.is_staff:
        link = format_html(' <a href="{}">Look at them</a>', reverse("admin:validation_bookcheck_changelist"))
    return format_html(
        '<p class="{}" role="alert"><strong>The books do not balance</strong> since {}, checked {}.{}</p>',
        classes,
        ago(state.wrong_since),
        ago(state.check.at),
        link,
    )
