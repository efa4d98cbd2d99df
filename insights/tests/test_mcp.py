"""`manage.py run_mcp` and the protocol's official client: over standard input and output, and over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection
from knox.models import AuthToken
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from ingest.tests.servers import free_port
from insights.tools import TOOLS
from validation.models import Latest
from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tokens(transactional_db: None) -> dict[str, str]:
    """Store a reading of a van, and return the tokens of Alice, who may do all, and of somebody who may do nothing."""
    store(publish_model(), "van_1", [(time.time() - 20, {"speed": 41.5})])
    Latest.objects.update(interval_s=60.0)
    people = {"alice": User.objects.create_superuser("alice"), "nobody": User.objects.create_user("nobody")}
    return {name: AuthToken.objects.create(user)[1] for name, user in people.items()}


def environment() -> dict[str, str]:
    database = settings.DATABASE_URL.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    return {**os.environ, "DATABASE_URL": database, "LOG_LEVEL": "WARNING"}


def over_stdio(*arguments: str, **more: str) -> Client:
    command = [str(settings.BASE_DIR / "manage.py"), "run_mcp", *arguments]
    return Client(StdioServerParameters(command=sys.executable, args=command, env=environment() | more))


@pytest.fixture
def address(tokens: dict[str, str]) -> Iterator[str]:
    """Give the address of a server over HTTP, a process of its own."""
    port = free_port()
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "run_mcp", "--http", "--port", str(port)]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}/mcp"
    try:
        for _ in range(300):
            try:
                httpx2.get(url)
                break
            except httpx2.TransportError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=20)


@asynccontextmanager
async def over_http(address: str, token: str) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Token {token}"}) as http,
        Client(streamable_http_client(address, http_client=http)) as client,
    ):
        yield client


async def asked(client: Client) -> None:
    """Ask as an agent would: what there is, and then one thing."""
    listed = await client.list_tools()
    assert {tool.name for tool in listed.tools} == set(TOOLS)
    assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed.tools)
    found = await client.call_tool("latest", {"device": "van_1"})
    assert not found.is_error
    assert found.structured_content["facts"][0]["value"] == 41.5
    wrong = await client.call_tool("latest", {"device": "van_1", "sql": "DROP TABLE ingest_device"})
    assert wrong.is_error
    assert (await client.call_tool("delete_device", {"device": "van_1"})).is_error


async def test_an_agent_asks_over_standard_input_as_the_user_that_was_named(tokens: dict[str, str]) -> None:
    async with over_stdio("--user", "alice") as client:
        assert client.server_info is not None
        assert client.server_info.name == "dataflow"
        await asked(client)


async def test_a_token_in_the_environment_does_as_well_and_permissions_hold(tokens: dict[str, str]) -> None:
    async with over_stdio(MCP_TOKEN=tokens["nobody"]) as client:
        refused = await client.call_tool("latest", {"device": "van_1"})
    assert refused.is_error
    assert "permission" in str(refused.content)
    assert "41.5" not in str(refused)


async def test_an_agent_asks_over_http_as_the_user_of_its_token(tokens: dict[str, str], address: str) -> None:
    async with over_http(address, tokens["alice"]) as client:
        await asked(client)
    async with over_http(address, tokens["nobody"]) as client:
        assert (await client.call_tool("latest", {"device": "van_1"})).is_error
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    async with httpx2.AsyncClient() as plain:
        for given in ({}, {"Authorization": "Token 0123"}, {"Authorization": f"Bearer {tokens['alice']}"}):
            answer = await plain.post(address, json=body, headers=given)
            assert answer.status_code == 401
            assert answer.json()["errors"][0]["code"] == "not_authenticated"
        own = {"Authorization": f"Token {tokens['alice']}", "Accept": "application/json, text/event-stream"}
        elsewhere = await plain.post(address, json=body, headers=own | {"Host": "evil.example"})
        assert elsewhere.status_code in (403, 421)
        page = await plain.post(address, json=body, headers=own | {"Origin": "http://evil.example"})
        assert page.status_code == 403


@pytest.mark.parametrize("arguments", [[], ["--user", "stranger"], ["--http", "--user", "alice"]])
def test_nobody_asks_without_saying_who_they_are(tokens: dict[str, str], arguments: list[str]) -> None:
    with pytest.raises(CommandError) as error:
        call_command("run_mcp", *arguments)
    assert error.value.returncode == 2
