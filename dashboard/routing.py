"""The sockets' addresses."""

from __future__ import annotations

from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from django.urls import path, re_path

from dashboard.consumers import LiveConsumer
from dashboard.live.access import TokenOrSession

websocket = TokenOrSession(
    URLRouter(
        [
            path("ws/live", LiveConsumer.as_asgi()),
            re_path("", WebsocketDenier.as_asgi()),  # any other address is refused and not an error of ours
        ]
    )
)
