"""Run a function of the test itself on a host of a lab: forked, so that it takes milliseconds and needs no imports."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from netplan.lab import Lab
from netplan.lab.enter import fork_into
from tests.forked import forked

P = ParamSpec("P")
R = TypeVar("R")


def inside(lab: Lab, host: str, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call a function on a host and give its result, which must pickle, or raise what it raises.

    The function runs in a child: nothing that it changes in memory is seen here. Its lab is entered as by `lab exec`.
    """
    name = lab.host(host).name

    def enter() -> None:
        grandchild = fork_into(lab.holder.pid, name)
        if grandchild:
            os.waitpid(grandchild, 0)
            os._exit(0)

    return forked(enter, lambda: function(*args, **kwargs))
