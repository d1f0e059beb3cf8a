"""Run a function, a script or a program on a host of a lab, in a child of a small process that stays there."""

from __future__ import annotations

import atexit
import os
import pickle
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from netplan.lab import Lab
from tests.forked import result_of
from tests.lab.zygote import Call, Place

P = ParamSpec("P")
R = TypeVar("R")

_ROOT: Final = Path(__file__).parents[2]
_residents: Final[dict[Place, socket.socket]] = {}


def call(lab: Lab, host: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function of a module that the zygote has loaded on a host; give its result, or raise what it raises.

    Unlike `inside` it sees nothing of what the test has changed in memory, but for the environment.
    """
    place = Place(lab.holder.pid, lab.host(host).name)
    request = pickle.dumps(Call(function, args, kwargs, str(Path.cwd()), dict(os.environ)))
    with _called(place) as caller, caller.makefile("rwb") as stream:
        stream.write(request)
        stream.flush()
        reported = stream.read()
    result: R = result_of(reported)
    return result


def shell(lab: Lab, host: str, script: str, *arguments: str, text: str = "") -> str:
    """Run a shell script on a host and give what it printed; AssertionError says what it complained of."""
    done = call(lab, host, _completed, ["sh", "-ec", script, "sh", *arguments], text)
    if done.returncode != 0:
        raise AssertionError(f"exit code {done.returncode}: {done.stderr}")
    return done.stdout


def program(lab: Lab, host: str, argv: Sequence[str], text: str = "") -> subprocess.CompletedProcess[str]:
    """Run a program on a host to its end, with a text on its standard input, and give what it printed."""
    return call(lab, host, _completed, argv, text)


def _completed(argv: Sequence[str], text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, input=text, capture_output=True, text=True, check=False, timeout=60)


def _called(place: Place) -> socket.socket:
    """Return a socket to a new child of the resident of a place; residents whose lab has ended are forgotten."""
    ended, *_ = select.select(list(_residents.values()), [], [], 0)
    for where in [where for where, door in _residents.items() if door in ended]:
        _residents.pop(where).close()
    if place not in _residents:
        _residents[place] = _connected(_zygote(), pickle.dumps(tuple(place)), socket.SOCK_SEQPACKET)
    return _connected(_residents[place], b"call", socket.SOCK_STREAM)


def _connected(door: socket.socket, message: bytes, kind: int) -> socket.socket:
    ours, theirs = socket.socketpair(type=kind)
    with theirs:
        socket.send_fds(door, [message], [theirs.fileno()])
    return ours


@cache
def _zygote() -> socket.socket:
    """Start the zygote of this process, which ends with it."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-W", "error", "-m", "tests.lab.zygote"]
        process = subprocess.Popen(command, stdin=theirs.fileno(), cwd=_ROOT)
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours
