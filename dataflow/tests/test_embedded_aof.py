"""A buffer's append-only file that was cut short or damaged: the server starts with the rest of it, or says why not."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from hypothesis import given
from hypothesis import strategies as st

from dataflow.embedded import aof
from dataflow.embedded.plan import Plan
from dataflow.embedded.ports import Ports
from dataflow.embedded.program import ServiceError
from dataflow.embedded.running import start_services
from dataflow.embedded.valkey import Valkey

FIRST, SECOND = 30, 20  # entries before and after a rewrite: those in the base file, and those in the growing one


def served(folder: Path, work: Callable[[redis.Redis], object]) -> None:
    """Start the buffer of a folder, let something be done with it, and stop it in order."""
    buffer = Valkey("buffer-1", folder, Ports(anywhere=True).take(0))
    with start_services(Plan((buffer,), {}), folder / "logs"), redis.Redis.from_url(buffer.url) as client:
        work(client)


def append(client: redis.Redis, count: int) -> None:
    for number in range(count):
        with client.pipeline(transaction=True) as pipe:
            pipe.xadd("dataflow:batches", {"n": 1, "batch": bytes(range(256)) * 4})
            pipe.hincrby("dataflow:received", str(number), 1)
            pipe.execute()


def entries(folder: Path) -> int:
    found: list[int] = []
    served(folder, lambda client: found.append(int(client.xlen("dataflow:batches"))))
    return found[0]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A buffer with entries in both its files, killed."""
    folder = tmp_path_factory.mktemp("killed")

    def work(client: redis.Redis) -> None:
        append(client, FIRST)
        client.bgrewriteaof()
        while client.info("persistence")["aof_rewrite_in_progress"] or not list(folder.glob("*/*/*2.incr.aof")):
            continue
        append(client, SECOND)
        os.kill(client.info("server")["process_id"], signal.SIGKILL)

    served(folder, work)
    return folder


@pytest.fixture
def folder(killed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(killed, tmp_path / "data"))


def growing(folder: Path) -> Path:
    (path,) = (folder / "buffer-1" / aof.FOLDER).glob("*.incr.aof")
    return path


def test_a_write_that_was_interrupted_is_cut_off_and_kept_beside(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert entries(folder) == FIRST + SECOND
    Valkey("buffer-1", folder, 1)._mark.touch()  # as a killed server leaves it
    path = growing(folder)
    os.truncate(path, path.stat().st_size - 700)
    assert entries(folder) == FIRST + SECOND - 1
    assert "was killed while it wrote" in caplog.text
    assert len(list(folder.glob("buffer-1/*.cut-at-*"))) == 1


def flip_sign(content: bytearray) -> None:
    content[content.index(b"$1024", len(content) // 2)] ^= 1


def lengthen(content: bytearray) -> None:
    """Make one length too large, so that the file seems to end too early for it."""
    content[content.rindex(b"$1024", 0, len(content) - 2000) + 1] = ord("9")


def shorten(content: bytearray) -> None:
    content[content.index(b"$1024", len(content) // 2) + 2] = ord("1")


@pytest.mark.parametrize("damage", [flip_sign, lengthen, shorten])
def test_damage_in_the_middle_is_refused_with_words_and_nothing_is_changed(
    folder: Path, damage: Callable[[bytearray], None]
) -> None:
    path = growing(folder)
    content = bytearray(path.read_bytes())
    damage(content)
    path.write_bytes(content)
    with pytest.raises(
        ServiceError, match=r"damaged: .* can be read up to byte \d+ of \d+.*`truncate -s \d+"
    ) as refused:
        entries(folder)
    assert path.read_bytes() == content
    # What it advises works, and costs what stood behind the damage.
    os.truncate(path, int(str(refused.value).partition("up to byte ")[2].split()[0]))
    assert FIRST <= entries(folder) < FIRST + SECOND


def test_a_server_that_was_stopped_in_order_refuses_a_damaged_file_by_itself(folder: Path) -> None:
    assert entries(folder) == FIRST + SECOND  # and stopped in order
    path = growing(folder)
    content = bytearray(path.read_bytes())
    lengthen(content)
    path.write_bytes(content)
    with pytest.raises(ServiceError, match="Unexpected end of file"):
        entries(folder)
    with pytest.raises(ServiceError, match="is damaged"):
        entries(folder)  # `up` starts it again, and then says what to do


def test_a_damaged_base_file_is_refused(folder: Path) -> None:
    (base,) = (folder / "buffer-1" / aof.FOLDER).glob("*.base.rdb")
    content = bytearray(base.read_bytes())
    content[len(content) // 2] ^= 1
    base.write_bytes(content)
    with pytest.raises(ServiceError, match="ended with status 1"):
        entries(folder)


def test_a_buffer_whose_list_of_files_is_gone_does_not_start_empty(folder: Path) -> None:
    (folder / "buffer-1" / aof.FOLDER / aof.MANIFEST).unlink()
    with pytest.raises(ServiceError, match="would start empty"):
        entries(folder)


COMMANDS = [
    b"*1\r\n$5\r\nMULTI\r\n",
    b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$9\r\n\r\n*1\r\n$5\0\r\n",
    b"*1\r\n$4\r\nEXEC\r\n",
]


@given(whole=st.integers(0, 5), cut=st.integers(0, sum(map(len, COMMANDS))), zeros=st.integers(0, 40))
def test_a_file_cut_anywhere_is_good_up_to_its_last_whole_transaction(
    whole: int, cut: int, zeros: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    transaction = b"".join(COMMANDS)
    path = tmp_path_factory.getbasetemp() / "scanned.aof"
    path.write_bytes(transaction * whole + transaction[:cut])
    good = whole + (cut == len(transaction))
    size = path.stat().st_size
    assert aof.scan(path) == (good * len(transaction), size, False)
    if zeros and cut in (0, len(COMMANDS[0])):
        path.write_bytes(path.read_bytes() + b"\0" * zeros)
        assert aof.scan(path) == (good * len(transaction), size + zeros, False)
