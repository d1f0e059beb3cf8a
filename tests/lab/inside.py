"""Run a function of the test itself on a host of a lab: forked, so that it takes milliseconds and needs no imports."""

from __future__ import annotations

import os
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import NoReturn, ParamSpec, TypeVar

from netplan.lab import Lab
from netplan.lab.enter import fork_into

P = ParamSpec("P")
R = TypeVar("R")


def inside(lab: Lab, host: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function on a host and give its result, which must pickle, or raise what it raises.

    The function runs in a child: nothing that it changes in memory is seen here. Its lab is entered as by `lab exec`.
    """
    name = lab.host(host).name
    receiver, sender = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads: the child takes none of their locks
        child = os.fork()
    if child == 0:
        _report(sender, lab.holder.pid, name, lambda: function(*args, **kwargs))
    os.close(sender)
    with os.fdopen(receiver, "rb") as stream:
        reported = stream.read()
    os.waitpid(child, 0)
    if not reported:
        raise RuntimeError(f"the process on {host} ended without a report")
    result: R
    result, error = pickle.loads(reported)
    if error is not None:
        raise error
    return result


def _report(sender: int, holder: int, host: str, function: Callable[[], object]) -> NoReturn:
    """In a child of the child that is on the host, call the function; write its result or its exception."""
    outcome: tuple[object, BaseException | None]
    try:
        grandchild = fork_into(holder, host)
        if grandchild:
            os.waitpid(grandchild, 0)
            os._exit(0)
        outcome = function(), None
    except BaseException as error:
        error.add_note(traceback.format_exc())
        outcome = None, error
    with os.fdopen(sender, "wb") as stream:
        stream.write(pickle.dumps(outcome))
    os._exit(0)
