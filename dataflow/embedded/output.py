"""The lines of many processes on one screen, each behind the name of the process that printed it."""

from __future__ import annotations

import os
import re
import sys
from asyncio import StreamReader
from typing import TextIO

CHUNK_BYTES = 65_536
LONGEST_LINE = 8_192  # bytes; what is longer is cut into lines, so that no child can make us hold its output
COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)  # of terminals, easy to tell apart on dark and on light
# A child must not move the cursor, or set a title, on the terminal of whoever started it.
CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[@-_]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Output:
    """Writes whole lines to one stream. Nothing is raised when that stream is gone; the lines are dropped then."""

    def __init__(self, stream: TextIO | None = None, width: int = 10) -> None:
        self._stream = stream or sys.stderr
        self._width = width
        self._colours: dict[str, int] = {}
        self._coloured = self._stream.isatty() and not os.environ.get("NO_COLOR")
        self.lines_dropped = 0

    def say(self, text: str, name: str = "up") -> None:
        """Print a text of one or more lines behind a name."""
        prefix = self._prefix(name)
        for line in text.splitlines():
            self._write(f"{prefix}{CONTROL.sub('', line)}\n")

    async def relay(self, name: str, reader: StreamReader) -> None:
        """Print what comes from a process until every holder of the other end has closed it."""
        rest = b""
        while chunk := await reader.read(CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self.say(line.decode(errors="replace"), name)
        if rest:
            self.say(rest.decode(errors="replace"), name)

    def _prefix(self, name: str) -> str:
        text = f"{name:{self._width}} | "
        if not self._coloured:
            return text
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        return f"\x1b[{colour}m{text}\x1b[0m"

    def _write(self, line: str) -> None:
        try:
            self._stream.write(line)
            self._stream.flush()
        except (OSError, ValueError):
            # The terminal was closed. The stack goes on; a signal comes with it when it should not.
            self.lines_dropped += 1
