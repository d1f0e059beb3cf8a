"""A process that has loaded podnet and is small: what is to run on the hosts of labs is forked from it.

A fork of the test's own process takes ten times as long, because the kernel copies its tables of pages. The zygote
forks a resident for each host that is asked for, which stays there, and the resident a child for each call.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from netplan.lab.enter import fork_into
from netplan.system.helpers import search_path

LOADED: Final = ("tests.lab.resident", "tests.scenarios.podnet")
"""The modules whose functions may be called, with all that they load: verbs and drivers of podnet."""

SPEC: Final = "specs/hdss7.yaml"
"""What it plans in the beginning, below its working directory."""


class Call(NamedTuple):
    """A function to be called, and what it finds around itself: its working directory and its environment."""

    function: Callable[..., object]
    arguments: tuple[object, ...]
    keywords: Mapping[str, object]
    directory: str
    environment: Mapping[str, str]


class Place(NamedTuple):
    """A host of a lab: the process id of the lab's holder, and the name of the host."""

    holder: int
    host: str


def main() -> None:
    """Make a resident for each place that is sent to standard input, with the socket over which it is to be called."""
    for module in LOADED:
        import_module(module)
    _warm_up()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(fileno=os.dup(0)) as door:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _fork_for_each(door, _settle)


def _warm_up() -> None:
    """Plan from records, once: no child then has to load, build and specialise again what podnet first does there."""
    before = sys.argv, sys.stdin, sys.stdout, sys.stderr
    planned = import_module("tests.scenarios.podnet").run(["plan", SPEC])
    sys.argv, sys.stdin, sys.stdout, sys.stderr = before
    assert planned.code == 0, planned.stderr


def _fork_for_each(door: socket.socket, function: Callable[[bytes, socket.socket], None]) -> None:
    """Call a function in a child of its own for each message with a socket, until the other side is gone."""
    while True:
        data, descriptors, *_ = socket.recv_fds(door, 1 << 12, 1)
        if not data:
            return
        with socket.socket(fileno=descriptors[0]) as theirs:
            if os.fork() == 0:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                door.close()
                function(data, theirs)
                os._exit(0)


def _settle(data: bytes, theirs: socket.socket) -> None:
    """Fork a resident of the place, and wait until it ends."""
    resident = fork_into(*Place(*pickle.loads(data)))
    if resident:
        theirs.close()
        os.waitpid(resident, 0)
    else:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        _fork_for_each(theirs, _answer)
        os._exit(0)


def _answer(_: bytes, caller: socket.socket) -> None:
    """Read a call, and write its result or its exception."""
    with caller.makefile("rwb") as stream:
        outcome: tuple[object, BaseException | None]
        try:
            outcome = _called(pickle.load(stream)), None
        except BaseException as error:
            error.add_note(traceback.format_exc())
            outcome = None, error
        stream.write(pickle.dumps(outcome))


def _called(call: Call) -> Any:
    own = os.environ["PODNET_VAR_DIR"]
    os.environ.clear()
    os.environ |= call.environment
    os.environ |= {"PODNET_VAR_DIR": own, "PATH": search_path()}
    try:
        os.chdir(call.directory)
    except OSError:
        os.chdir("/")
    return call.function(*call.arguments, **call.keywords)


if __name__ == "__main__":
    main()
