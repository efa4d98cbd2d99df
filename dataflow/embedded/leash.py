"""Become another program that ends when this one's parent does: `python -I -S leash.py OPTIONS -- PROGRAM ARGS`.

Run as a script between fork and exec, because the steps must come in this order: give up root first (a change of
user clears the parent-death signal), ask for the signal second, see whether the parent is still there third, and
only then become the program. Standard library only, so that it costs some 15 ms.

    --parent PID    whose death ends the program
    --signal N      the signal it then gets (Linux; elsewhere the option does nothing)
    --user NAME     the account to run as; needs root
    --search        keep the right to pass through folders that the account may not enter
"""

from __future__ import annotations

import ctypes
import os
import pwd
import signal
import struct
import sys

PR_SET_PDEATHSIG, PR_SET_KEEPCAPS, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 8, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522
CANNOT_START = 126  # the exit status of a shell that finds a program it may not run


def main(arguments: list[str]) -> None:
    """Parse the options and become the program; end with status 126 and a message when that is impossible."""
    split = arguments.index("--")
    options, program = arguments[:split], arguments[split + 1 :]
    named = dict(zip(options[::2], options[1::2], strict=False)) if options else {}
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if "--user" in named:
            become(libc, named["--user"], search="--search" in options)
        if sys.platform == "linux":
            libc.prctl(PR_SET_PDEATHSIG, int(named["--signal"]), 0, 0, 0)
        if os.getppid() != int(named["--parent"]):
            sys.exit(0)  # the parent died before the signal was asked for
        # Python ignores these two; a program would inherit that.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execv(program[0], program)  # noqa: S606  (to become it is the point)
    except OSError as error:
        print(f"cannot start {program[0]}: {error}", file=sys.stderr)
        sys.exit(CANNOT_START)


def become(libc: ctypes.CDLL, user: str, *, search: bool) -> None:
    """Give up root for an account, keeping at most the right to pass through closed folders."""
    account = pwd.getpwnam(user)
    if search:
        libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0)
        # Lets access(2) count the capability too: PostgreSQL asks it whether it may run its own binaries. Where the
        # kernel refuses, a closed data folder still works.
        libc.prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([account.pw_gid])
    os.setresgid(account.pw_gid, account.pw_gid, account.pw_gid)
    os.setresuid(account.pw_uid, account.pw_uid, account.pw_uid)
    if search and not any(keep(libc, capability) for capability in (CAP_DAC_READ_SEARCH, CAP_DAC_OVERRIDE)):
        raise PermissionError(
            f"the user {user} may not enter the folders it lies in, and root may not pass that right on here; move "
            f"virtual environment and DATA_DIR to where every user may enter, or run as an ordinary user"
        )


def keep(libc: ctypes.CDLL, capability: int) -> bool:
    """Reduce the process to one capability that survives exec; return whether the kernel agreed."""
    bit = 1 << capability
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable; then the upper halves
    if libc.capset(header, data):
        return False
    return int(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)) == 0


if __name__ == "__main__":
    main(sys.argv[1:])
