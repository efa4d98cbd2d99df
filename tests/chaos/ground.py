"""The ground on which faults happen: Debian's servers, a link from each kind of process to each of them, and the stack.

The stack is `manage.py up`, which starts again what dies. Its processes reach every server by links of their own, and
can be held back when they are started again (`controls/sitecustomize.py`).
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import redis

from tests.chaos.links import address_of, lead_over_links, link_to
from tests.chaos.proxy import Link, Network
from tests.debian import Debian, Server
from tests.project import eventually
from tests.stack import RunningStack

CONTROLS = Path(__file__).with_name("controls")
MAX_PACKET_BYTES = 4 * 1024 * 1024
BACK_S = 60.0  # for a process that was killed to be there again


class Ground:
    """One stack on servers of its own; a `with` block starts and ends everything."""

    def __init__(
        self,
        project: Path,
        folder: Path,
        *,
        bridges: int = 2,
        workers: int = 2,
        buffers: int = 2,
        plain: bool = False,
        linked: bool = True,
        controls: Sequence[str] = (),
    ) -> None:
        """`controls` are modules of the folder `controls`, each of which breaks a rule of the product.

        With `plain` the bridges have one session, which does not share, and the others stand by for it. Unless it is
        `linked`, everybody reaches the servers themselves: links take processor time that a high rate needs.
        """
        self.project, self.folder, self.plain = project, folder, plain or bridges == 1
        self.bridges, self.workers, self.controls = bridges, workers, tuple(controls)
        self._buffers, self._linked = buffers, linked
        self.duplicates = 0  # that were counted so far
        self._end = ExitStack()
        self._held = folder / "hold"

    def __enter__(self) -> Ground:
        try:
            self._start()
        except BaseException:
            self._end.close()
            raise
        return self

    def __exit__(self, *of: object) -> None:
        self._end.close()

    def _start(self) -> None:
        self._held.mkdir(parents=True)
        self.folder.chmod(0o755)  # PostgreSQL may run as another user
        self._end.callback(shutil.rmtree, self.folder, ignore_errors=True)
        self.debian = Debian(self.folder, self._buffers)
        configure_broker(self.folder / "mosquitto" / "mosquitto.conf", short="short_queue" in self.controls)
        self._end.enter_context(self.debian)
        self.network = self._end.enter_context(Network())
        self._make_links()
        self.stack = RunningStack(self.project, self.folder / "stack", 0, given=self._given(), options=self._options())
        link_to(self.network, "client-site", self.stack.url)
        self._end.callback(self.stack.end)
        self._end.callback(self._kill_stack)
        self.stack.start()

    def _kill_stack(self) -> None:
        """End every process at once: what is not stored by now is counted as lost already, and order takes seconds."""
        for process in self.stack.processes():  # `up` first, which would start the others again
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def _options(self) -> tuple[str, ...]:
        return "--bridges", str(self.bridges), "--workers", str(self.workers)

    def _given(self) -> dict[str, str]:
        """Return the settings of `up` and of commands beside it: the servers themselves, without links."""
        modules = " ".join(["deadly", *(name for name in self.controls if (CONTROLS / f"{name}.py").exists())])
        hooks = {"PYTHONPATH": str(CONTROLS), "CHAOS_FOLDER": str(self.folder), "CHAOS_CONTROLS": modules}
        return self.debian.settings | hooks | {"MQTT_SHARED": "false" if self.plain else "true"}

    # --- Links -------------------------------------------------------------------------------------------------------

    def _make_links(self) -> None:
        settings = self.debian.settings
        self.devices = address_of(settings["MQTT_URL"])
        if self._linked:
            self.devices = link_to(self.network, "device-broker", settings["MQTT_URL"])
            lead_over_links(self.network, settings, self.folder)

    def link(self, name: str) -> Link:
        """Return a link, named after who uses it and where it leads."""
        return self.network.links[name]

    # --- Processes of the stack --------------------------------------------------------------------------------------

    def names(self, kind: str) -> list[str]:
        """Return the names of the processes of a kind."""
        count = {"bridge": self.bridges, "worker": self.workers}.get(kind)
        return [kind] if count is None else [f"{kind}-{number}" for number in range(count)]

    def process(self, name: str) -> psutil.Process | None:
        """Return the process of a name, or None while there is none."""
        return self.processes_named([name]).get(name)

    def processes_named(self, names: Iterable[str]) -> dict[str, psutil.Process]:
        """Return the processes of some names, without those that do not run."""
        found: dict[str, psutil.Process] = {}
        wanted = list(names)
        for process in self.stack.processes():
            with suppress(psutil.NoSuchProcess):
                line = process.cmdline()
                found |= {name: process for name in wanted if name not in found and _is_named(line, name)}
        return found

    def signal(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a process of the stack and return its id; wait for it where it is being started again."""
        eventually(lambda: self.process(name) is not None, f"{name} runs", BACK_S)
        process = self.process(name)
        assert process is not None
        process.send_signal(number)
        return process.pid

    def wait_for_another(self, name: str, pid: int) -> None:
        """Wait until a process of a name runs that has another id."""
        eventually(
            lambda: (now := self.process(name)) is not None and now.pid != pid, f"{name} is started again", BACK_S
        )

    def hold(self, name: str) -> None:
        """Let a process that is started under this name wait until it is released."""
        (self._held / name).touch()

    def release(self, name: str) -> None:
        """Let a process go on that was held or stopped."""
        (self._held / name).unlink(missing_ok=True)
        process = self.process(name)
        if process is not None and process.status() == psutil.STATUS_STOPPED:
            process.send_signal(signal.SIGCONT)

    def release_all(self) -> None:
        """Let everything go on."""
        for path in self._held.glob("*"):
            path.unlink()
        for process in (*self.stack.processes(), *self.server_processes()):
            with suppress(psutil.NoSuchProcess):
                if process.status() == psutil.STATUS_STOPPED:
                    process.send_signal(signal.SIGCONT)

    # --- Servers -----------------------------------------------------------------------------------------------------

    @property
    def servers(self) -> Mapping[str, Server]:
        """Return the servers by name: broker, postgres, queue, buffer-1 and so on."""
        queue, *buffers = self.debian.redis
        named = {"broker": self.debian.mosquitto, "postgres": self.debian.postgres, "queue": queue}
        return named | {f"buffer-{number}": buffer for number, buffer in enumerate(buffers, start=1)}

    def server(self, name: str) -> Server:
        """Return a server by its name."""
        return self.servers[name]

    def server_processes(self, *names: str) -> list[psutil.Process]:
        """Return the processes of some servers, or of all, with what they have started."""
        found = []
        for name in names or self.servers:
            with suppress(psutil.NoSuchProcess):
                leader = psutil.Process(self.server(name).pid)
                found += [leader, *leader.children(recursive=True)]
        return found

    def kill_server(self, name: str) -> None:
        """Kill a server and all that belongs to it; `server(name).start()` starts it again."""
        for process in self.server_processes(name):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.server(name).stop()

    def pause_server(self, name: str) -> None:
        """Stop a server where it stands; `release_all` lets it go on."""
        for process in self.server_processes(name):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def buffer_url(self, number: int) -> str:
        """Return the address of a buffer without a link, from 1."""
        return self.debian.settings["BUFFER_URLS"].split(",")[number - 1]

    def buffers(self) -> list[redis.Redis]:
        """Return clients of the buffers, without links; close them."""
        return [redis.Redis.from_url(url, socket_timeout=5) for url in self.debian.settings["BUFFER_URLS"].split(",")]


def _is_named(line: Sequence[str], name: str) -> bool:
    kind = name.partition("-")[0]
    if kind == "bridge":
        return "run_bridge" in line and name in line
    if kind == "worker":
        return any(part.startswith(f"{name}@") for part in line)
    return {"scheduler": "beat", "site": "daphne", "up": "up"}[kind] in line


def configure_broker(configuration: Path, *, short: bool) -> None:
    """Refuse packets that the bridge would not take, as `deploy/` does; `short` is the queue of the careless."""
    content = configuration.read_text() + f"max_packet_size {MAX_PACKET_BYTES}\n"
    long, careless = "max_queued_messages 200000", "max_queued_messages 100"
    assert long in content
    configuration.write_text(content.replace(long, careless) if short else content)
