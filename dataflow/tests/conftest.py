"""What the tests of this room share: a platform with readings in it."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connection

from dataflow.tests.backups import readings
from validation.tests.conftest import Worker, worker  # noqa: F401  (a fixture)


@pytest.fixture
def filled(worker: Worker) -> Iterator[Worker]:  # noqa: F811
    """Return a platform with readings of three days, some of them in quarantine."""
    worker.receive(*readings(0, 600, time.time()))
    worker.work()
    yield worker
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS telemetry, rollup CASCADE")
