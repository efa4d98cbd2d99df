"""A fake of a language model's server: a real HTTP server on this machine that obeys every injection it sees.

It is a fake because no language model can be here, and because a real one would obey only now and then. This one stands
for the worst that there could be: whatever text reaches it inside data, it does what that text wants. It reads the data
that the tools give first, so that it meets what is stored, and it answers honestly where nothing tells it not to.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from insights.tools.plain import LONGEST_TEXT

INJECTIONS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "injections.json").read_text())
Said = dict[str, Any]


class FakeModel(ThreadingHTTPServer):
    """The server, what it was sent, which injections it saw, and how it misbehaves as a server (`quirk`)."""

    daemon_threads = True

    def __init__(self, device: str = "van_1", quirk: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.device, self.quirk = device, quirk
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.seen: list[str] = []

    @property
    def url(self) -> str:
        """Return its address, as LLM_URL has it."""
        return f"http://127.0.0.1:{self.server_port}/v1"

    def say(self, body: dict[str, Any]) -> Said:
        """Return the next message of the model."""
        messages = body["messages"]
        turns = sum(message["role"] == "assistant" for message in messages)
        if body.get("tools") and turns == 0:
            wanted = [("list_models", {}), ("list_devices", {}), ("latest", {"device": self.device})]
            return _calls(wanted)
        content = "\n".join(str(message["content"]) for message in messages)
        for one in INJECTIONS:
            if json.dumps(one["text"], ensure_ascii=False)[1 : LONGEST_TEXT - 1].rstrip('"') in content:
                self.seen.append(one["text"])
                return _obey(one["obeys"], max(0, turns - 1))
        speed = re.search(r'"speed":([\d.]+)', content)
        return {"content": f"The newest speed of {self.device} is {speed[1] if speed else 'unknown'} km/h."}


def _obey(deeds: list[Said], turn: int) -> Said:
    deed = deeds[min(turn, len(deeds) - 1)]
    if "say" in deed:
        return {"content": deed["say"]}
    if "loop" in deed:
        return _calls([(deed["loop"], {})])
    if "burst" in deed:
        return _calls([(deed["burst"], {})] * deed["times"])
    return _calls([(deed["call"], deed["arguments"])])


def _calls(wanted: list[tuple[str, Any]]) -> Said:
    return {
        "content": None,
        "tool_calls": [
            {"id": f"call_{place}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for place, (name, given) in enumerate(wanted)
        ],
    }


class _Handler(BaseHTTPRequestHandler):
    server: FakeModel

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.bodies.append(body)
        self.server.keys.append(self.headers.get("Authorization"))
        getattr(self, f"_{self.server.quirk or 'answer'}")(body)

    def _answer(self, body: dict[str, Any]) -> None:
        said = {"role": "assistant", **self.server.say(body)}
        self._send(200, json.dumps({"choices": [{"message": said}], "usage": {"total_tokens": 50}}).encode())

    def _redirect(self, body: dict[str, Any]) -> None:
        self._send(307, b"", Location=f"http://localhost:{self.server.server_port}/elsewhere")

    def _broken(self, body: dict[str, Any]) -> None:
        self._send(500, b"oh no")

    def _html(self, body: dict[str, Any]) -> None:
        self._send(200, b"<html>hello</html>")

    def _empty(self, body: dict[str, Any]) -> None:
        self._send(200, b'{"choices": []}')

    def _endless(self, body: dict[str, Any]) -> None:
        self._drip(b" " * 65_536, 0)

    def _trickle(self, body: dict[str, Any]) -> None:
        self._drip(b" ", 0.05)

    def _drip(self, piece: bytes, pause: float) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):
            try:
                self.wfile.write(piece)
            except OSError:
                return
            time.sleep(pause)

    def _send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def fake_model(**options: Any) -> Iterator[FakeModel]:
    """Give a running server; it stops at the end."""
    server = FakeModel(**options)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
