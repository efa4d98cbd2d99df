"""The site's pages. Data reaches them through the API and the socket."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.views import LoginView
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.generic import TemplateView

from dashboard.api.v1.series import VIEW_READINGS
from insights.detection.verdict import Kind
from insights.questions.examples import examples
from insights.questions.knowing import vocabulary_for
from insights.questions.query import MAX_CHARACTERS

DEFAULT_MQTT_PORT = 1883


@method_decorator(never_cache, name="dispatch")
class LivePage(LoginRequiredMixin, TemplateView):
    """Show the live dashboard to anyone who is signed in; never cached, because it carries the user's name."""

    template_name = "dashboard/live.html"
    login_url = "login"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add how the broker is reached, for the hint that is shown while no device has sent anything."""
        return super().get_context_data(broker=broker_options(), **kwargs)


@method_decorator(never_cache, name="dispatch")
@method_decorator(ensure_csrf_cookie, name="dispatch")  # its script saves views, and no form stands in it
class ExplorePage(LoginRequiredMixin, TemplateView):
    """Show the explorer to anyone who is signed in; what it shows stands in the address and comes from the API."""

    template_name = "dashboard/explore.html"
    login_url = "login"


@method_decorator(never_cache, name="dispatch")
@method_decorator(ensure_csrf_cookie, name="dispatch")  # its script asks by POST
class AskPage(LoginRequiredMixin, TemplateView):
    """Let anyone who is signed in ask questions; the question stands in the address, the answer comes from the API."""

    template_name = "dashboard/ask.html"
    login_url = "login"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add questions to begin with, about what the user may see."""
        may_see = self.request.user.has_perms(VIEW_READINGS)
        shown = examples(vocabulary_for("")) if may_see else []
        return super().get_context_data(examples=shown, longest=MAX_CHARACTERS, **kwargs)


@method_decorator(never_cache, name="dispatch")
@method_decorator(ensure_csrf_cookie, name="dispatch")  # its script says what a person thinks of a finding
class FindingsPage(LoginRequiredMixin, TemplateView):
    """List what was noticed to be odd; which of it stands in the address, and the findings come from the API."""

    template_name = "dashboard/findings.html"
    login_url = "login"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add the kinds of findings there are."""
        return super().get_context_data(kinds=[kind.value for kind in Kind], **kwargs)


class SignIn(LoginView):
    """Ask for name and password; somebody already signed in goes straight on."""

    template_name = "dashboard/login.html"
    redirect_authenticated_user = True
    next_page = "live"


def broker_options() -> str:
    """Return the `mosquitto_pub` options that reach the broker.

    Used in the first-run hint. A password is never shown: whoever needs one is told where to put it.
    """
    url = urlsplit(getattr(settings, "MQTT311_URL", "") or settings.MQTT_URL)
    options = f"-h {url.hostname or '127.0.0.1'} -p {url.port or DEFAULT_MQTT_PORT}"
    return f"{options} -u {url.username} -P PASSWORD" if url.username else options
