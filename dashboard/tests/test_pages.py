"""The pages: who sees what, what stands in them, and that they need nothing from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse

from dashboard.views import broker_options

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "dashboard" / "templates").rglob("*.html"))
OWN_STATIC = ROOT / "dashboard" / "static" / "dashboard"


@pytest.fixture
def charlie_browser(charlie: User) -> Client:
    browser = Client()
    browser.force_login(charlie)
    return browser


@pytest.fixture
def alice_browser(alice: User) -> Client:
    browser = Client()
    browser.force_login(alice)
    return browser


def test_a_stranger_is_sent_to_the_sign_in_and_comes_back(db: None, client: Client) -> None:
    response = client.get("/?window=15m")
    assert response.status_code == 302
    assert response["Location"] == f"{reverse('login')}?next=/%3Fwindow%3D15m"


def test_the_sign_in_does_not_lead_to_another_site(charlie: User, client: Client) -> None:
    given = {"username": "charlie", "password": "correct horse battery staple", "next": "https://evil.example/"}
    response = client.post(reverse("login"), given, REMOTE_ADDR="127.0.0.1")
    assert response["Location"] == reverse("live")


def test_a_wrong_password_is_told_without_telling_which_part_was_wrong(charlie: User, client: Client) -> None:
    answers = [
        client.post(reverse("login"), {"username": name, "password": "wrong"}).content.decode()
        for name in ("charlie", "nobody")
    ]
    alerts = [re.findall(r'role="alert"[^>]*>\s*(.*?)\s*</div>', answer, re.DOTALL) for answer in answers]
    assert alerts[0] == alerts[1] != [], "the two answers must be the same"


def test_whoever_is_signed_in_sees_the_live_page_and_it_is_not_kept(charlie_browser: Client) -> None:
    response = charlie_browser.get("/")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert "charlie" in response.content.decode()


def test_only_staff_is_offered_the_admin(charlie_browser: Client, alice_browser: Client) -> None:
    admin = f'href="{reverse("admin:index")}"'
    assert admin not in charlie_browser.get("/").content.decode()
    assert admin in alice_browser.get("/").content.decode()


def test_signing_out_takes_a_post_so_that_no_link_can_do_it(charlie_browser: Client) -> None:
    assert charlie_browser.get(reverse("logout")).status_code == 405
    assert charlie_browser.get("/").status_code == 200
    charlie_browser.post(reverse("logout"))
    assert charlie_browser.get("/").status_code == 302


def test_the_admin_wears_our_name_and_leads_back_to_the_live_page(alice_browser: Client) -> None:
    page = alice_browser.get(reverse("admin:index")).content.decode()
    assert "DataFlow admin" in page
    assert f'href="{reverse("live")}">Live dashboard</a>' in page


def test_an_unknown_address_has_a_page_that_leads_on(charlie_browser: Client) -> None:
    response = charlie_browser.get("/no/such/page")
    assert response.status_code == 404
    assert "There is no such page" in response.content.decode()
    assert f'href="{reverse("live")}"' in response.content.decode()


@pytest.mark.parametrize("name", ["400.html", "403.html", "403_csrf.html", "404.html", "500.html"])
def test_error_pages_need_no_request_and_no_user(name: str) -> None:
    assert f'href="{reverse("live")}"' in render_to_string(name)


def test_the_lockout_page_says_how_to_be_let_in_again() -> None:
    assert "axes_reset" in render_to_string("dashboard/locked_out.html", {"cooloff_timedelta": None})


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("mqtt://127.0.0.1:1883", "-h 127.0.0.1 -p 1883"),
        ("mqtt://broker.example", "-h broker.example -p 1883"),
        ("mqtt://me:secret@broker.example:1999", "-h broker.example -p 1999 -u me -P PASSWORD"),
    ],
)
def test_the_hint_names_the_broker_and_never_its_password(settings: Any, url: str, options: str) -> None:
    settings.MQTT311_URL = url
    assert broker_options() == options


def static_names() -> Iterator[tuple[str, str]]:
    for template in TEMPLATES:
        for name in re.findall(r"{% static '([^']+)' %}", template.read_text()):
            yield template.name, name


@pytest.mark.parametrize(("template", "name"), sorted(set(static_names())))
def test_every_file_that_a_page_asks_for_is_there(template: str, name: str) -> None:
    assert finders.find(name), f"{template} asks for {name}; third-party files come with npm ci"


def test_every_module_that_a_script_imports_is_there() -> None:
    for script in OWN_STATIC.rglob("*.js"):
        for target in re.findall(r'^import .*?"([^"]+)";$', script.read_text(), re.MULTILINE):
            name = (Path("/dashboard") / script.relative_to(OWN_STATIC).parent / target).as_posix()
            assert target.startswith("."), f"{script.name}: {target} is not a path in this site"
            assert finders.find(_flat(name)), f"{script.name} imports {target}"


def _flat(path: str) -> str:
    parts: list[str] = []
    for part in path.strip("/").split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def test_every_icon_that_a_page_shows_is_in_the_sprite() -> None:
    symbols = set(re.findall(r'<symbol id="([^"]+)"', (OWN_STATIC / "icons.svg").read_text()))
    used = {icon for page in TEMPLATES for icon in re.findall(r"icons\.svg' %}#([\w-]+)", page.read_text())}
    assert used <= symbols


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_page_needs_no_inline_code_and_no_other_host(template: Path) -> None:
    text = template.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", text), "the security policy would block it"
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", text))
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", text)


def test_front_end_packages_are_pinned_by_hash_and_bound_to_no_registry() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert {"node_modules/uplot", "node_modules/@tabler/core"} <= packages.keys()
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


def test_no_file_of_the_site_is_longer_than_it_should_be() -> None:
    lengths = {
        path.name: len(path.read_text().splitlines())
        for path in OWN_STATIC.rglob("*")
        if path.suffix in (".js", ".css")
    }
    assert {name: lines for name, lines in lengths.items() if lines > 250} == {}
