"""Run the checks of a node: pings, connections and commands, each tried again until its time is up."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from pathlib import PurePath
from typing import Final, NamedTuple

from netplan.desired.checks import Check, Command, Connect, Ping, PingGateway
from netplan.errors import ObserveError
from netplan.net import Address, printable
from netplan.system import helpers, programs

_AT_ONCE: Final = 64
_ENOUGH: Final = 16
"""How many failures of one line of the spec are shown; the peers that were not tried by then are only counted."""

_PAUSE: Final = 0.2
_ANSWER: Final = 1
_POLL: Final = 0.05
_KEPT: Final = 2048
_SHOWN: Final = 400


class _Echo(NamedTuple):
    """What an echo request is made of: the socket's family and protocol, and the types of request and reply."""

    family: int
    protocol: int
    request: int
    reply: int


_ECHOES: Final = {
    4: _Echo(socket.AF_INET, socket.IPPROTO_ICMP, 8, 0),
    6: _Echo(socket.AF_INET6, socket.IPPROTO_ICMPV6, 128, 129),
}


class Failure(NamedTuple):
    """Why an attempt failed, and what the program printed, escaped."""

    why: str
    output: str = ""


Try = Callable[[float], Failure | None]
"""One attempt, given the time of the monotonic clock at which it ends; None if it succeeded."""

_CUT_SHORT: Final = "it did not end"
_SILENCE: Final = Failure("no answer")


def run(checks: Sequence[Check], gateway: Address | None) -> tuple[str, ...]:
    """Run checks in their order, those of one line of the spec side by side; return a text for each that failed.

    `gateway` is the default route's next hop, None if there is none.
    """
    failures: list[str] = []
    for _, group in groupby(checks, key=lambda check: check.at):
        failures += _side_by_side(tuple(group), gateway)
    return tuple(failures)


def working(checks: Sequence[Check], gateway: Address | None) -> tuple[Check, ...]:
    """Return the checks that succeed, run as by `run`."""
    succeeded: list[Check] = []
    for _, group in groupby(checks, key=lambda check: check.at):
        line = tuple(group)
        with ThreadPoolExecutor(min(_AT_ONCE, len(line))) as pool:
            failures = pool.map(lambda check: _failure(check, gateway), line)
            succeeded += [check for check, failure in zip(line, failures, strict=True) if failure is None]
    return tuple(succeeded)


def _side_by_side(checks: Sequence[Check], gateway: Address | None) -> Iterator[str]:
    """Run checks, some at a time, until enough have failed."""
    failed, tried = 0, 0
    with ThreadPoolExecutor(min(_AT_ONCE, len(checks))) as pool:
        for start in range(0, len(checks), _AT_ONCE):
            batch = checks[start : start + _AT_ONCE]
            failures = [text for text in pool.map(lambda check: _failure(check, gateway), batch) if text is not None]
            tried += len(batch)
            yield from failures
            failed += len(failures)
            if failed >= _ENOUGH and tried < len(checks):
                yield f"{len(checks) - tried} more checks of this line were not tried  {_place(checks[0])}"
                return


def _failure(check: Check, gateway: Address | None) -> str | None:
    """Run one check until it succeeds or its time is up."""
    until = time.monotonic() + check.within
    attempt = _attempt(check, gateway)
    earlier: Failure | None = None
    while (failure := attempt(until)) is not None:
        if failure.why == _CUT_SHORT and earlier is not None:
            failure = earlier  # the last attempt had less time than those that say why
        earlier = failure
        if time.monotonic() + _PAUSE >= until:
            output = f": {failure.output}" if failure.output else ""
            return f"{check}: {failure.why} within {check.within} s{output}  {_place(check)}"
        time.sleep(_PAUSE)
    return None


def _place(check: Check) -> str:
    return f"{printable(str(PurePath(check.at.path)))}:{check.at.line}"


def _attempt(check: Check, gateway: Address | None) -> Try:
    match check.what:
        case Ping(address):
            return lambda until: _ping(address, until)
        case PingGateway():
            return lambda until: Failure("this node has no default route") if gateway is None else _ping(gateway, until)
        case Connect(address, port):
            return lambda until: _connect(address, port, until)
        case Command(argv):
            return lambda until: _command(argv, until)


def _ping(address: Address, until: float) -> Failure | None:
    """Send one echo request, with ping(8) or through a socket of our own where it is not installed."""
    program = programs.find("ping")
    if program is None:
        return _echo(address, until)
    limit = min(_left(until), _ANSWER + _PAUSE)
    try:
        done = programs.run([program, "-n", "-c1", f"-W{_ANSWER}", str(address)], limit=limit)
    except ObserveError:
        return _SILENCE
    return None if done.code == 0 else _SILENCE


def _echo(address: Address, until: float) -> Failure | None:
    """Send one echo request as icmp(7) lets ordinary users, if net.ipv4.ping_group_range has their group."""
    try:
        kind = _ECHOES[address.version]
        with socket.socket(kind.family, socket.SOCK_DGRAM, kind.protocol) as echo:
            echo.connect((str(address), 0))
            echo.settimeout(min(_left(until), _ANSWER))
            echo.send(struct.pack("!BBHHH", kind.request, 0, 0, 0, 1))
            answer = echo.recv(512)
    except PermissionError:
        return Failure("no program ping to do it (apt-get install iputils-ping), nor an ICMP socket for this group,")
    except OSError:
        return _SILENCE
    return None if answer[:1] == bytes([kind.reply]) else _SILENCE


def _connect(address: Address, port: int, until: float) -> Failure | None:
    try:
        socket.create_connection((str(address), port), timeout=_left(until)).close()
    except TimeoutError:
        return _SILENCE
    except OSError as error:
        return Failure((error.strerror or str(error)).lower())
    return None


def _command(argv: Sequence[str], until: float) -> Failure | None:
    """Run a program in a process group of its own, which is killed once the time is up."""
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**helpers.environment_of_users(), "PATH": programs.SEARCH_PATH},
            process_group=0,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return Failure("it could not be started", (reason or "").lower())
    with process:
        output = _output(process, until)
        ended = process.poll() is not None
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
    if not ended:
        return Failure(_CUT_SHORT, output)
    return None if process.returncode == 0 else Failure(_exit(process.returncode), output)


def _output(process: subprocess.Popen[bytes], until: float) -> str:
    """Return the end of what a program prints until it ends or the time is up, escaped.

    What it leaves running in the background may keep its output open: that is not waited for.
    """
    assert process.stdout is not None  # noqa: S101 - Popen was asked for a pipe
    stream = process.stdout.fileno()
    os.set_blocking(stream, False)
    kept, closed = b"", False
    while time.monotonic() < until:
        ended = process.poll() is not None
        ready = not closed and bool(select.select([stream], [], [], 0 if ended else _POLL)[0])
        if ready:
            chunk = os.read(stream, 1 << 16)
            kept = (kept + chunk)[-_KEPT:]
            closed = not chunk
        elif ended:
            break
        elif closed:
            time.sleep(_POLL)
    return printable(" ".join(kept.decode(errors="replace").split()))[-_SHOWN:]


def _exit(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"ended by {signal.Signals(-code).name}"


def _left(until: float) -> float:
    return max(until - time.monotonic(), _POLL)
