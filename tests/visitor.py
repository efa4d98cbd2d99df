"""Who visits the site in these tests without a browser: programs with a token, and people who fill in forms."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Any

TIMEOUT_S = 30.0


class Program:
    """A program that uses the API with a token."""

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def get(self, path: str, **parameters: object) -> Any:
        """Return what the API answers."""
        query = f"?{urllib.parse.urlencode(parameters)}" if parameters else ""
        return self._send(urllib.request.Request(self._url + path + query))

    def post(self, path: str, body: object) -> Any:
        """Send JSON and return what the API answers."""
        request = urllib.request.Request(self._url + path, json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        return self._send(request)

    def _send(self, request: urllib.request.Request) -> Any:
        request.add_header("Authorization", f"Token {self._token}")
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
            return json.loads(response.read())


class Person:
    """Somebody with a browser's cookies and patience for forms."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def sign_in(self, user: str, password: str) -> None:
        """Sign in to the admin."""
        page = self.submit("/admin/login/", {"username": user, "password": password, "next": "/admin/"})
        assert "Log out" in page, "the sign-in failed"

    def read(self, path: str) -> str:
        """Return a page."""
        with self._opener.open(self._url + path, timeout=TIMEOUT_S) as response:
            return str(response.read().decode())

    def submit(self, path: str, changes: dict[str, str]) -> str:
        """Fill in the first form of a page, send it and return the page that follows."""
        fields = form_of(self.read(path)) | changes
        with self._opener.open(self._url + path, urllib.parse.urlencode(fields).encode(), TIMEOUT_S) as response:
            return str(response.read().decode())


def form_of(page: str) -> dict[str, str]:
    """Return what a browser would send of the page's forms if nobody changed anything."""
    reader = _FormReader()
    reader.feed(page)
    return reader.fields


class _FormReader(HTMLParser):
    """Collects the fields of the forms with their values; buttons are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self._select = self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        name = values.get("name") or ""
        if tag == "input" and name:
            self._input(name, values)
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in values:
            self.fields[self._select] = values.get("value") or ""
        elif tag == "textarea":
            self._textarea = name
            self.fields[name] = ""

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea] += data.removeprefix("\r\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def _input(self, name: str, values: dict[str, str | None]) -> None:
        kind = values.get("type", "text")
        if kind in ("submit", "button", "file") or (kind in ("checkbox", "radio") and "checked" not in values):
            return
        self.fields[name] = values.get("value") or ("on" if kind == "checkbox" else "")
