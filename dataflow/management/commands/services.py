"""`manage.py services`: where the services of the running stack are, and whether each answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypedDict

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dataflow.embedded.given import masked
from dataflow.embedded.probes import Unreachable, probe_database, probe_mqtt, probe_redis, probe_site
from dataflow.lib.commands import ExplainedCommand
from ingest.buffers import ring_urls

NO_SERVICE = 3
NOT_SET = "not set: start `manage.py up`, or set it"

EXPLANATION = """\
Prints the URLs of the services and whether each answers. With --json as an object with the keys database, redis,
buffers (a list), mqtt (any device, MQTT 3.1.1), mqtt5 (the same broker; another port only with the embedded one) and
site, each {"url", "answers", and "error" when it does not}. Passwords are shown with --json only.

examples:
  manage.py services
  psql "$(manage.py services --json | jq -r .database.url)"

exit codes: 0 all answer, 2 wrong settings, 3 a service cannot be reached
"""


class Service(TypedDict, total=False):
    """One line of the answer."""

    url: str
    answers: bool
    error: str


class Command(ExplainedCommand):
    """List the services."""

    help = EXPLANATION
    requires_system_checks = []  # what is missing is part of the answer

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --json."""
        parser.add_argument("--json", action="store_true", help="print JSON, with passwords")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask all services at once and print what they say."""
        services = look()
        if options["json"]:
            self.stdout.write(json.dumps(services, indent=2))
        else:
            self.stdout.write("\n".join(table(services)))
        silent = [name for name, service in flat(services) if not service["answers"]]
        if silent:
            raise CommandError(f"does not answer: {', '.join(silent)}", returncode=NO_SERVICE)


def look() -> dict[str, Any]:
    """Return the state of every service; blocks for some seconds when one does not answer."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        ask: Callable[[str, Callable[[str], None]], Any] = lambda url, probe: pool.submit(state, url, probe)  # noqa: E731
        database = ask(settings.DATABASE_URL, probe_database)
        redis = ask(settings.REDIS_URL, probe_redis)
        urls = ring_urls() if database.result()["answers"] else settings.BUFFER_URLS
        buffers = [ask(url, probe_redis) for url in urls]
        mqtt = ask(settings.MQTT311_URL, partial(probe_mqtt, version5=False))
        mqtt5 = ask(settings.MQTT_URL, partial(probe_mqtt, version5=True))
        site = ask(settings.SITE_URL, probe_site)
    return {
        "database": database.result(),
        "redis": redis.result(),
        "buffers": [buffer.result() for buffer in buffers],
        "mqtt": mqtt.result(),
        "mqtt5": mqtt5.result(),
        "site": site.result(),
    }


def state(url: str, probe: Callable[[str], None]) -> Service:
    """Return whether the service at a URL answers."""
    if not url:
        return {"url": "", "answers": False, "error": NOT_SET}
    try:
        probe(url)
    except Unreachable as error:
        return {"url": url, "answers": False, "error": str(error)}
    return {"url": url, "answers": True}


def flat(services: dict[str, Any]) -> list[tuple[str, Service]]:
    """Return one pair of name and state per server."""
    buffers = [(f"buffer {number}", buffer) for number, buffer in enumerate(services["buffers"], 1)]
    if not buffers:
        buffers = [("buffers", {"url": "", "answers": False, "error": NOT_SET})]
    single = [(name, service) for name, service in services.items() if name != "buffers"]
    return [*single[:2], *buffers, *single[2:]]


def table(services: dict[str, Any]) -> list[str]:
    """Return the lines for people, without passwords."""
    return [
        f"{name:10} {'answers' if service['answers'] else 'SILENT ':8} {masked(service['url'])}"
        + (f"  ({' '.join(service['error'].split())})" if service.get("error") else "")
        for name, service in flat(services)
    ]
