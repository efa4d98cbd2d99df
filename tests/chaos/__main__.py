"""`python -m tests.chaos`: faults on a running stack, and a table of what they did."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.chaos import families, table
from tests.chaos.control_runs import CONTROLS, Control
from tests.chaos.registry import Fault, all_faults, chosen
from tests.chaos.run import Row
from tests.chaos.session import Session
from tests.chaos.storm import Storm
from tests.debian import missing_programs

OK, FAILED, WRONG_USAGE, INTERRUPTED = 0, 1, 2, 130
STORM_MINUTES = 10.0
EXPLANATION = """\
Starts Debian's PostgreSQL, Redis (three) and Mosquitto, a stack of bridges, workers, scheduler and site on them with a
proxy on every link, and devices that send a known set of readings. Then makes one fault after another, and asks after
each whether anything is lost, doubled, changed, left over or not told. docs/chaos.md explains faults and oracles.

examples:
  python -m tests.chaos                              every fault once, then the controls
  python -m tests.chaos --seed 7                     the same in another order, with other victims
  python -m tests.chaos --faults F1,F7,F17-bridge-broker-cut
  python -m tests.chaos --minutes 60 --rate 2000     faults by chance for an hour
  python -m tests.chaos --short                      every fault for a few seconds instead of its full length
  python -m tests.chaos --controls only              break the product on purpose, and see that it is noticed
  python -m tests.chaos --storm --minutes 10 --rate 5000 --buffers 3
                                                     a high rate, and every 20 s something is killed
  python -m tests.chaos --list

exit codes: 0 every oracle holds and every control is noticed, or the servers are not installed; 1 not so; 2 wrong usage
"""


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(
        "python -m tests.chaos", description=EXPLANATION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", help="decides order and victims (default: the clock's; it is printed)")
    parser.add_argument("--faults", help="names with commas; F17 stands for all that begin with F17- (default: all)")
    parser.add_argument("--minutes", type=float, default=0.0, help="go on for so long (default: each fault once)")
    parser.add_argument("--rate", type=float, default=500.0, help="readings a second (default 500)")
    parser.add_argument("--bridges", type=int, default=2, help="(default 2)")
    parser.add_argument("--workers", type=int, default=2, help="(default 2)")
    parser.add_argument("--buffers", type=int, default=2, help="(default 2)")
    parser.add_argument("--short", action="store_true", help="short faults instead of the times they are meant for")
    parser.add_argument("--storm", action="store_true", help="kill something every 20 s under load, count at the end")
    parser.add_argument(
        "--controls", choices=("with", "only", "without"), help="default: with, unless --faults is given"
    )
    parser.add_argument("--json", action="store_true", help="print the rows as JSON at the end")
    parser.add_argument("--list", action="store_true", help="list the faults and end")
    return parser.parse_args()


def main() -> int:
    """Run what the command line asks for."""
    assert families
    options = arguments()
    try:
        faults = chosen(options.faults.split(",")) if options.faults else all_faults()
    except KeyError as unknown:
        print(f"There is no fault {unknown}; --list shows them.", file=sys.stderr)
        return WRONG_USAGE
    if options.list:
        print("\n".join(f"{fault.id:<28} {fault.title}" for fault in faults))
        return OK
    if missing := missing_programs():
        print(f"skipped, not installed: {', '.join(missing)} (apt-get install postgresql redis-server mosquitto)")
        return OK
    return run(options, faults)


def run(options: argparse.Namespace, faults: list[Fault]) -> int:
    """Run what was chosen in a folder of its own, which stays when something failed, and return the exit code."""
    options.seed = options.seed or str(time.time_ns())
    screen = sys.stderr if options.json else sys.stdout
    folder = Path(tempfile.mkdtemp(prefix="dataflow-chaos-"))

    def say(text: str) -> None:
        print(text, file=screen, flush=True)

    say(
        f"seed {options.seed}, {options.rate:g} readings a second, {options.bridges} bridges, "
        f"{options.workers} workers, {options.buffers} buffers"
    )
    code = INTERRUPTED
    try:
        code = run_storm(options, folder, say) if options.storm else run_faults(options, faults, folder, say)
    except KeyboardInterrupt:
        say("interrupted")
    finally:
        if code == OK:
            shutil.rmtree(folder, ignore_errors=True)
    return code


def run_storm(options: argparse.Namespace, folder: Path, say: Callable[[str], None]) -> int:
    """Run the storm, and say what it came to."""
    how_many = {"bridges": options.bridges, "workers": options.workers, "buffers": options.buffers}
    storm = Storm(folder, options.seed, say, minutes=options.minutes or STORM_MINUTES, rate=options.rate, **how_many)
    came = storm.run()
    say("\n".join(came.lines()))
    if options.json:
        print(json.dumps({"seed": options.seed, "rate": options.rate, "storm": came.as_json()}, indent=1))
    return FAILED if came.complaints else OK


def run_faults(options: argparse.Namespace, faults: list[Fault], folder: Path, say: Callable[[str], None]) -> int:
    """Run faults and controls, and say each row as it comes."""
    began, rows = time.monotonic(), []
    session = Session(
        folder, options.seed, options.rate, options.bridges, options.workers, options.buffers, options.short, say
    )
    say(table.HEAD)
    for row in all_rows(session, options, faults):
        rows.append(row)
        say(table.line(row))
    say(table.summary(rows, time.monotonic() - began))
    if options.json:
        found = {"seed": options.seed, "rate": options.rate, "rows": [row.as_json() for row in rows]}
        print(json.dumps(found, indent=1))
    return FAILED if any(row.verdict == "FAILED" for row in rows) else OK


def all_rows(session: Session, options: argparse.Namespace, faults: list[Fault]) -> Iterator[Row]:
    """Yield the rows of the faults, and those of the control runs where they are asked for."""
    controls = options.controls or ("without" if options.faults else "with")
    if controls != "only":
        yield from session.run(faults, options.minutes)
    wanted: tuple[Control, ...] = () if controls == "without" else CONTROLS
    for control in wanted:
        yield session.control(control)


if __name__ == "__main__":
    sys.exit(main())
