"""`manage.py run_mcp`: the tools for other agents, over the Model Context Protocol."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

import anyio
from django.conf import settings
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from mcp.server.stdio import stdio_server

from dataflow.lib.commands import ExplainedCommand
from insights.mcp import http
from insights.mcp.access import NotKnown, of_name, of_token
from insights.mcp.server import server

INTERRUPTED = 130


class Command(ExplainedCommand):
    """Let other agents ask."""

    requires_system_checks = ("settings",)
    help = """Let other agents ask, over the Model Context Protocol, with tools that only read.

On standard input and output it asks as one user: the one of --user, or of the token in MCP_TOKEN. A name is enough
there, because who can start this command can read the settings, and with them the database. Over HTTP every request
needs `Authorization: Token …`, and asks as that token's user. docs/mcp.md says more.

examples:
  manage.py run_mcp --user charlie
  MCP_TOKEN=… manage.py run_mcp
  manage.py run_mcp --http --port 8100
  manage.py run_mcp --http --bind 0.0.0.0 --port 8100

exit codes: 0 the client has left, 1 failed, 2 wrong usage, 3 a service cannot be reached, 130 interrupted"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--user", metavar="NAME", help="ask as this user (standard input only)")
        parser.add_argument("--http", action="store_true", help=f"serve {http.PATH} over HTTP")
        parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS", help="with --http; loopback by default")
        parser.add_argument("--port", type=int, default=8100, help="with --http; 8100 by default")

    def handle(self, *args: Any, **options: Any) -> None:
        """Serve."""
        try:
            if options["http"]:
                self._http(options)
            else:
                anyio.run(_serve, self._asker(options["user"]))
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database cannot be reached: {error}", returncode=3) from error
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)

    def _http(self, options: dict[str, Any]) -> None:
        if options["user"]:
            raise CommandError("Over HTTP the token of each request says who asks: leave --user out.", returncode=2)
        self.stderr.write(f"MCP at http://{options['bind']}:{options['port']}{http.PATH}, with Authorization: Token …")
        http.serve(options["bind"], options["port"], settings.ALLOWED_HOSTS)

    def _asker(self, name: str | None) -> int:
        if bool(name) == bool(settings.MCP_TOKEN):
            raise CommandError("Say who asks: either --user NAME, or a token in MCP_TOKEN.", returncode=2)
        try:
            return of_name(name) if name else of_token(settings.MCP_TOKEN)
        except NotKnown as error:
            raise CommandError(str(error), returncode=2) from error


async def _serve(number: int) -> None:
    """Answer on standard input and output until the client leaves."""
    one = server(lambda _: number)
    async with stdio_server() as (reader, writer):
        await one.run(reader, writer, one.create_initialization_options())
