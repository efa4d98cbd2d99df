"""Exports on a site as it runs: flat memory, no query that goes on for nobody, and no file that ends silently."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from knox.models import AuthToken

from dashboard.roles import give_role
from dataflow.embedded.ports import Ports
from ingest.models import Device
from tests.project import eventually
from validation.moments import EPOCH
from validation.tables import ensure_partitions
from validation.tests.stored import publish_model

MB = 1_000_000
ROWS, TEXT = 12_000, 10_000  # 120 MB as CSV, and next to nothing where they are stored
FIELDS = ({"name": "speed", "required": True}, {"name": "driver", "kind": "text"})


class Site:
    """Daphne with this project on the tests' database."""

    def __init__(self) -> None:
        self.port = Ports(anywhere=True).take(0)
        database = settings.DATABASE_URL.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
        command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(
            [*command, "dataflow.asgi:application"],
            env=os.environ | {"DATABASE_URL": database, "ALLOWED_HOSTS": "127.0.0.1", "DEBUG": "off"},
            cwd=Path(__file__).parents[2],
            stderr=subprocess.DEVNULL,
        )
        user = User.objects.create_user("charlie")
        give_role(user, "Viewer")
        self.headers = {"Authorization": f"Token {AuthToken.objects.create(user)[1]}"}
        eventually(self.answers, "the site answers", 60)

    def answers(self) -> bool:
        try:
            return self.get("/healthz").read() != b""
        except OSError:
            return False

    def get(self, path: str) -> http.client.HTTPResponse:
        """Send a request, and return the answer once its head is here."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        client.request("GET", path, headers=self.headers)
        return client.getresponse()

    def resident(self) -> int:
        return int(psutil.Process(self.process.pid).memory_info().rss)


@pytest.fixture
def site(transactional_db: None) -> Iterator[Site]:
    spec = publish_model("van", FIELDS)
    device = Device.objects.create(name="van_1")
    ensure_partitions(spec.name, [EPOCH.date()])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry.van (ts, received_at, seq, device_id, version, speed, driver) "
            "SELECT to_timestamp(n), to_timestamp(n), n, %s, 1, n / 7.0, repeat('=', %s) "
            "FROM generate_series(1, %s) n",
            [device.pk, TEXT, ROWS],
        )
    running = Site()
    yield running
    running.process.kill()
    running.process.wait()


def exporting() -> int:
    """Return how many exports PostgreSQL works for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dataflow export'")
        return int(cursor.fetchone()[0])


def read(answer: http.client.HTTPResponse) -> int:
    """Read an answer to its end, and return how many rows it has."""
    rows = 0
    while block := answer.read(MB):
        rows += block.count(b"\n")
    return rows - 1


def test_the_memory_of_the_site_stays_flat_however_slowly_a_large_export_is_read(site: Site) -> None:
    assert read(site.get("/api/v1/export?model=van&end=5")) == 5  # what is loaded once is loaded
    before = site.resident()
    answer = site.get("/api/v1/export?model=van")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    answer.read(MB)
    time.sleep(2)  # in which 120 MB would have been made
    assert site.resident() - before < 30 * MB, "what nobody reads piles up"
    assert exporting() == 1, "it waits for its reader"
    assert 1 + read(answer) > ROWS - 200
    assert site.resident() - before < 40 * MB
    eventually(lambda: exporting() == 0, "the export is over")


def test_a_client_that_goes_away_ends_the_query(site: Site) -> None:
    answer = site.get("/api/v1/export?model=van")
    answer.read(MB)
    assert exporting() == 1
    answer.close()
    eventually(lambda: exporting() == 0, "nobody works for a client that has gone", 10)
    assert read(site.get("/api/v1/export?model=van&end=5")) == 5


def test_an_error_in_the_middle_is_no_short_file(site: Site) -> None:
    answer = site.get("/api/v1/export?model=van")
    answer.read(MB)
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dataflow export'"
        )
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        read(answer)
    assert read(site.get("/api/v1/export?model=van&end=5")) == 5, "and the site goes on"
