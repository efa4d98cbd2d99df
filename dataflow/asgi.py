"""The site as Daphne runs it: Django for HTTP, Channels for the live socket."""

from __future__ import annotations

import gc
import os

from channels.routing import ProtocolTypeRouter
from django.core.asgi import get_asgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dataflow.settings")

http = get_asgi_application()

from dashboard.routing import websocket  # noqa: E402  (needs the apps that the line above loads)
from dataflow.pacing import paced  # noqa: E402

application = ProtocolTypeRouter({"http": paced(http), "websocket": websocket})

# Load the pages now, and not with the first request. What is loaded stays for as long as the process runs, so let no
# collection go through it: answers with ten thousand rows cause some, and each took as long as the answer itself.
get_resolver().url_patterns  # noqa: B018  (the look is what loads them)
gc.collect()
gc.freeze()
