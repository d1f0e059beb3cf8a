"""A lab's first process: it holds the lab's namespaces, and is the only record that there is a lab.

The holder is process 1 of its own PID namespace, so the kernel ends everything in the lab with it. Its command line
ends with `podnet-lab NAME`: labs are found in /proc and nowhere else, so that nothing is stale after a crash, and
nothing is lost when a temporary folder is cleaned. What is written down about the lab lies on the lab's own /run.
"""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from msgspec import Struct

from netplan.errors import RefusedError, UsageError
from netplan.net import printable
from netplan.system import helpers, programs
from netplan.system.process import CAP_NET_ADMIN, CAP_SYS_ADMIN, may

_MARK: Final = "podnet-lab"
_RECORD: Final = "/run/podnet/lab.json"

_HOLD: Final = f"""
set -e
cd /
read -r pid rest < /proc/self/stat      # still the /proc that numbers processes as the outside does
mount --make-rshared /                  # a mount made on one host of the lab is on all of them ...
mount --make-rprivate /sys              # ... but for /sys, where each shows its own devices
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run   # names of network namespaces, /run/xtables.lock
mkdir -p /run/netns /run/podnet
echo "$pid"
read -r record                          # fails when the builder of the lab is gone, and the lab with it
printf '%s\\n' "$record" > {_RECORD}
echo published
exec 3<&0
read -r keep <&3 & wait $!              # the first process must wait: it has orphans to reap
exec < /dev/null > /dev/null 2>&1 3<&-
exec sh -c 'sleep infinity & wait' {_MARK} "$1"
"""

_OBSTACLES: Final = (
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=10000"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
)
"""Settings that keep ordinary users from user namespaces: the file, the value that forbids, the sysctl that allows."""


class Holder(Struct, frozen=True):
    """The first process of the lab `name`; `pid` is its process id outside the lab."""

    name: str
    pid: int

    def record(self) -> str:
        """Read what the lab's builder wrote about it; UsageError as long as the lab is being built."""
        try:
            return Path(f"/proc/{self.pid}/root{_RECORD}").read_text()
        except FileNotFoundError as error:
            raise UsageError(f"lab {self.name} is not ready: another podnet lab up is building it") from error

    def spec(self) -> str:
        """Read which spec the lab was made from, as it was given; nothing as long as the lab is being built."""
        try:
            return printable(str(json.loads(self.record())["spec"]))
        except (UsageError, OSError):
            return ""

    def command(self, host: str, argv: Sequence[str]) -> list[str]:
        """Return the command that runs `argv` on a host of the lab, or on its floor; see `enter`."""
        return helpers.command("enter", str(self.pid), host, *argv, python=("-I", "-S"))

    def run(
        self, host: str, argv: Sequence[str], *, check: bool = True, text: str = "", timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host to its end, with `text` on its standard input, and give what it printed.

        RefusedError if it does not end in so many seconds or, with `check`, does not exit with 0.
        """
        what = f"{host or 'the lab'}: {' '.join(argv)}"
        try:
            done = subprocess.run(
                self.command(host, argv), input=text, capture_output=True, text=True, check=False, timeout=timeout
            )
        except subprocess.TimeoutExpired as error:
            raise RefusedError(f"{what}: did not end within {timeout:g} s and was stopped") from error
        if check and done.returncode != 0:
            raise RefusedError(f"{what}: exit code {done.returncode}: {done.stderr.strip()}")
        return done

    def end(self) -> None:
        """End the lab and wait until its last process is gone; a lab that is gone already is left alone."""
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if _holder(self.pid) == self:  # the handle is the holder's, and not of a later process with its number
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
                    select.select([handle], [], [])
            finally:
                os.close(handle)


class Building:
    """A lab under construction: it ends when this process does, however that comes, unless it has been kept."""

    def __init__(self, holder: Holder, stdin: IO[str], stdout: IO[str]) -> None:
        self.holder = holder
        self.kept = False
        self._stdin = stdin
        self._stdout = stdout

    def publish(self, record: str) -> None:
        """Write down what the lab is, in one line of text, for `Holder.record` to give to others."""
        self._stdin.write(f"{record}\n")
        self._stdin.flush()
        self._stdout.readline()

    def keep(self) -> None:
        """Let the lab outlive this process."""
        self._stdin.write("keep\n")
        self._stdin.flush()
        self._stdout.read()  # ends when the holder has let go of us
        self.kept = True


@contextmanager
def building(name: str) -> Iterator[Building]:
    """Start a lab that holds nothing yet; if it has not been kept when the block ends, all of it is gone.

    UsageError if this user has a lab of that name, RefusedError if the kernel does not let this user make one.
    """
    with subprocess.Popen(
        _command(name),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "LC_ALL": "C", "PATH": programs.SEARCH_PATH},
    ) as process:
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise AssertionError("three pipes were asked for")
        pid = stdout.readline()
        if not pid:
            raise RefusedError(_why_not(stderr.read().strip()))
        building = Building(Holder(name, int(pid)), stdin, stdout)
        try:
            _refuse_second(building.holder)
            yield building
        finally:
            if not building.kept:
                building.holder.end()


def find(name: str) -> Holder | None:
    """Return the holder of this user's lab of that name, or None."""
    return next((holder for holder in holders() if holder.name == name), None)


def holders() -> list[Holder]:
    """Return the holders of this user's labs."""
    with os.scandir("/proc") as processes:
        candidates = [_holder(int(process.name)) for process in processes if process.name.isdigit()]
    return [holder for holder in candidates if holder is not None]


def _holder(pid: int) -> Holder | None:
    """Return the holder that has this process id, or None if it is another's, or another process, or has ended."""
    process = Path(f"/proc/{pid}")
    with suppress(FileNotFoundError, ProcessLookupError):
        if process.stat().st_uid != os.geteuid():
            return None
        match (process / "cmdline").read_text(errors="replace").split("\0"):
            case [_, "-c", _, mark, name, ""] if mark == _MARK:
                first_of_its_own = re.search(r"^NSpid:\t\d+\t1$", (process / "status").read_text(), re.MULTILINE)
                return Holder(name, pid) if first_of_its_own else None
    return None


def _command(name: str) -> list[str]:
    """Return the command that starts a holder and ends at once: the process that `setsid` forks is the holder."""
    programs.require("ip", "iproute2")
    programs.require("mount", "mount")
    return [
        programs.require("unshare", "util-linux"),
        *(() if _privileged() else ("--user", "--map-root-user")),
        *("--mount", "--propagation", "slave", "--net", "--pid"),
        *(programs.require("setsid", "util-linux"), "--fork"),
        *(programs.require("sh", "dash"), "-c", _HOLD, _MARK, name),
    ]


def _privileged() -> bool:
    """Whether this process may make namespaces without a user namespace; in a container root often may not."""
    return os.geteuid() == 0 and may(CAP_NET_ADMIN, CAP_SYS_ADMIN)


def _refuse_second(holder: Holder) -> None:
    """Refuse a lab whose name another has; of two that start at once, at least the later one sees the other."""
    for other in holders():
        if other.name == holder.name and other != holder:
            spec = f" {path}" if (path := other.spec()) else ""
            raise UsageError(
                f"lab {holder.name} is up already{spec and f', made from{spec}'}: go on with it, as podnet lab "
                f"status{spec} shows it, or end it with podnet lab down{spec}"
            )


def _why_not(message: str) -> str:
    """Say why no namespaces could be made, and what to do if a setting of the machine is in the way."""
    remedies = [f"sysctl -w {remedy}" for path, forbids, remedy in _OBSTACLES if _reads(path, forbids)]
    advice = f"; as root, allow it with {' and '.join(remedies)}" if remedies else "; try it as root"
    return f"the kernel does not let this user make a lab's namespaces ({message}){advice}"


def _reads(path: str, value: str) -> bool:
    try:
        return Path(path).read_text().strip() == value
    except OSError:
        return False
