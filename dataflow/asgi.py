"""The site as Daphne runs it: Django for HTTP, Channels for the live socket."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataflow.settings")

http = get_asgi_application()

from dashboard.routing import websocket  # noqa: E402  (needs the apps that the line above loads)

application = ProtocolTypeRouter({"http": http, "websocket": websocket})
