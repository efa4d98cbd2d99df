"""The ring through the API, in the admin and at a shell: to look at, to change, by role, and without a password."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from dashboard.roles import give_role
from dashboard.tests.conftest import by_token
from dashboard.tests.test_api_access import assert_error
from ingest import buffers
from ingest.models import Buffer
from ingest.ring import identify
from ingest.tests.servers import Valkey

SECRET = "canary"


@pytest.fixture
def servers(tmp_path: Path, settings: Any, db: None) -> Iterator[list[Valkey]]:
    """Two members of the ring, and a third server with a password."""
    found = [Valkey(tmp_path / name) for name in ("one", "two", "three")]
    found[2].client().config_set("requirepass", SECRET)
    settings.BUFFER_URLS = [server.url for server in found[:2]]
    buffers.tend()
    yield found
    for server in found:
        server.close()


def secret_url(server: Valkey) -> str:
    return server.url.replace("//", f"//:{SECRET}@")


def person(role: str, staff: bool = False) -> User:
    user = User.objects.create_user(role.lower(), is_staff=staff)
    give_role(user, role)
    return user


def test_the_ring_is_told_and_changed_through_the_api(servers: list[Valkey]) -> None:
    admin, (one, two, three) = by_token(person("Admin")), servers
    made = admin.post("/api/v1/ring", {"url": secret_url(three), "weight": 2}, content_type="application/json")
    assert (made.status_code, made.json()["state"], made.json()["weight"]) == (201, "active", 2)
    name = identify(two.url)
    change = {"state": "draining", "weight": 3}
    assert admin.patch(f"/api/v1/ring/{name}", change, content_type="application/json").json()["weight"] == 3
    body = admin.get("/api/v1/ring").json()
    assert [(row["identity"], row["state"], row["weight"]) for row in body["results"]] == [
        (identify(one.url), "active", 1), (name, "draining", 3), (made.json()["identity"], "active", 2),
    ]  # fmt: skip
    assert {row["answers"] for row in body["results"]} == {True}
    assert body["results"][2]["address"] == three.url
    assert SECRET not in json.dumps(body)
    assert admin.delete(f"/api/v1/ring/{name}").json()["state"] == "removed"
    assert admin.get("/api/v1/ring").json()["results"][1]["state"] == "removed", "its books stay"
    said = list(LogEntry.objects.order_by("id").values_list("object_repr", "change_message"))
    assert said == [
        (made.json()["identity"], "Through the API: taken into the ring."),
        (name, "Through the API: it has the weight 3 and takes no more batches and is drained."),
        (name, f"Through the API: {name} has left the ring."),
    ]


def test_what_the_api_refuses_it_says_why(servers: list[Valkey]) -> None:
    admin, name = by_token(person("Admin")), identify(servers[0].url)
    assert_error(admin.delete(f"/api/v1/ring/{name}"), 409, "refused")
    assert_error(admin.delete(f"/api/v1/ring/{name}?lost=true"), 409, "refused")
    wrong = admin.post("/api/v1/ring", {"url": f"redis://:{SECRET}@127.0.0.1:9"}, content_type="application/json")
    assert_error(wrong, 409, "refused")
    assert SECRET not in wrong.content.decode()
    assert_error(admin.patch("/api/v1/ring/zzz", {"weight": 1}, content_type="application/json"), 404, "unknown_buffer")
    assert_error(admin.patch(f"/api/v1/ring/{name}", {"weight": 0}, content_type="application/json"), 400)


def test_each_role_may_do_what_is_its_own(servers: list[Valkey]) -> None:
    name = identify(servers[0].url)
    for role, drain, remove, add in (("Viewer", 403, 403, 403), ("Operator", 200, 403, 403), ("Admin", 200, 200, 400)):
        client = by_token(person(role))
        assert client.get("/api/v1/ring").status_code == 200
        found = client.patch(f"/api/v1/ring/{name}", {"state": "draining"}, content_type="application/json").status_code
        assert (found, client.delete(f"/api/v1/ring/{name}").status_code) == (drain, remove)
        assert client.post("/api/v1/ring", {}, content_type="application/json").status_code == add


def test_the_page_shows_each_buffer_and_offers_what_may_be_done(servers: list[Valkey], client: Client) -> None:
    one, two, three = servers
    client.force_login(person("Admin", staff=True))
    two.client().xadd("dataflow:batches", {"n": 1}, id="1-0")
    page = client.get("/admin/ingest/buffer/").content.decode()
    for shown in (identify(one.url), one.url, "Drain", "Add a buffer", "waited for"):
        assert shown in page
    key = buffers.named(identify(one.url)).pk
    answer = client.post(f"/admin/ingest/buffer/{key}/drain/", follow=True).content.decode()
    assert "It takes no more batches" in answer
    assert "Resume" in answer
    client.post(f"/admin/ingest/buffer/{key}/weight/", {"weight": 7})
    client.post(f"/admin/ingest/buffer/{key}/remove/")
    row = Buffer.objects.get(pk=key)
    assert (row.state, row.weight) == ("removed", 7)
    assert "It has the weight 7." in client.get(f"/admin/ingest/buffer/{key}/history/").content.decode()
    form = {"address": three.url, "password": "wrong", "weight": 1}
    refused = client.post("/admin/ingest/buffer/add/", form).content.decode()
    assert "does not answer (AuthenticationError)" in refused
    assert "wrong" not in refused
    assert three.url in refused
    client.post("/admin/ingest/buffer/add/", form | {"password": SECRET})
    assert Buffer.objects.latest("pk").url == secret_url(three)
    assert SECRET not in client.get("/admin/ingest/buffer/?part=1").content.decode()


def test_a_dead_buffer_can_be_written_off_on_the_page_and_a_living_one_cannot(
    servers: list[Valkey], client: Client
) -> None:
    row = buffers.named(identify(servers[0].url))
    client.force_login(person("Admin", staff=True))
    address = f"/admin/ingest/buffer/{row.pk}/write_off/"
    assert "answers: drain and remove it" in client.post(address, follow=True).content.decode()
    servers[0].kill()
    page = client.get("/admin/ingest/buffer/").content.decode()
    assert "does not answer" in page
    assert "Its data is gone for good" in page
    assert "messages are written off" in client.post(address, follow=True).content.decode()
    assert "removed</strong>, written off" in client.get("/admin/ingest/buffer/").content.decode()


def test_in_the_admin_only_those_who_may_see_and_act(servers: list[Valkey], client: Client) -> None:
    key = buffers.named(identify(servers[0].url)).pk
    client.force_login(person("Viewer", staff=True))
    page = client.get("/admin/ingest/buffer/").content.decode()
    assert "Drain" not in page
    assert "Add a buffer" not in page
    for act in ("drain", "resume", "weight", "remove", "write_off"):
        assert client.post(f"/admin/ingest/buffer/{key}/{act}/").status_code == 403
        assert client.get(f"/admin/ingest/buffer/{key}/{act}/").status_code == 405
    assert client.get("/admin/ingest/buffer/add/").status_code == 403
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get("/admin/ingest/buffer/").status_code == 403


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("buffers", *arguments, stdout=out, stderr=StringIO(), skip_checks=True)
    return out.getvalue()


def test_a_shell_can_do_all_of_it(servers: list[Valkey], tmp_path: Path) -> None:
    one, _, three = servers
    (tmp_path / "address").write_text(secret_url(three) + "\n")
    added = json.loads(run("add", f"@{tmp_path / 'address'}", "--weight", "2", "--json"))
    assert (added["state"], added["weight"]) == ("active", 2)
    name = identify(one.url)
    assert run("drain", name) == f"{name} takes no more batches and is drained.\n"
    assert run("resume", name) == f"{name} takes batches again.\n"
    assert run("weight", name, "4") == f"{name} has the weight 4.\n"
    with pytest.raises(CommandError, match="drain it first"):
        run("remove", name)
    run("drain", name)
    run("remove", name)
    shown = StringIO()
    with pytest.raises(SystemExit) as ended:  # these servers have no limit of memory, which is a problem to be told
        call_command("buffers", "list", "--json", stdout=shown, skip_checks=True)
    assert ended.value.code == 1
    state = json.loads(shown.getvalue())
    assert [member["state"] for member in state["members"]] == ["removed", "active", "active"]
    assert all("no limit of memory" in words for words in state["problems"])
    assert SECRET not in shown.getvalue()
